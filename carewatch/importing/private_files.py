"""Files that hold what is nobody else's business."""

import os
from pathlib import Path
from typing import IO


def private(path: Path) -> IO[str]:
    """A new, empty file at ``path`` that its owner alone may read, open for writing; what was there is gone."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8", newline="")
