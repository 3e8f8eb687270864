"""Free TCP ports that a server keeps for good."""

import itertools
import json
import random
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

FREE_RANGE = range(20000, 32000)
"""Below the ports that Linux gives to outgoing connections, so that none of these sits on ours after a restart.

Source: ip(7), ip_local_port_range, 32768 to 60999 by default.
"""

_BLOCK = 32
"""Ports chosen together lie side by side, from a multiple of this on. Between the choice and the moment at which a
server listens somebody else may choose the same: with blocks that is rare.
"""


class RememberedPorts:
    """Ports by name, written to a file, the same ones after every restart."""

    def __init__(self, file: Path, fixed: Mapping[str, int]) -> None:
        """Describe them.

        Args:
            file: where they are remembered.
            fixed: the name of each port and its number; 0 asks for any free one.
        """
        self._file = file
        self._fixed = dict(fixed)
        self._numbers: dict[str, int] = {}

    def __getitem__(self, name: str) -> int:
        return self._numbers.get(name) or self._read().get(name) or self._fixed[name]

    @contextmanager
    def reserved(self) -> Iterator[Mapping[str, int]]:
        """Choose whatever is not yet known and remember it; until the end nobody else obtains a port just chosen."""
        known = self._read()
        with ExitStack() as reserved:
            candidates = _candidates()
            for name, fixed in self._fixed.items():
                self._numbers[name] = fixed or known.get(name) or _reserve(candidates, reserved)
            growing = self._file.with_suffix(".new")
            growing.write_text(json.dumps(self._numbers))
            growing.replace(self._file)
            yield self._numbers

    def forget(self) -> None:
        """Choose anew at the next occasion."""
        self._file.unlink(missing_ok=True)
        self._numbers.clear()

    @property
    def remembered(self) -> bool:
        return self._file.exists()

    def _read(self) -> dict[str, int]:
        if not self._file.exists():
            return {}
        numbers: dict[str, int] = json.loads(self._file.read_text())
        return numbers


def _candidates() -> Iterator[int]:
    """Every port of the range, from a block drawn at random on."""
    start = random.randrange(0, len(FREE_RANGE), _BLOCK)
    return itertools.chain(FREE_RANGE[start:], FREE_RANGE[:start])


def _reserve(candidates: Iterator[int], until: ExitStack) -> int:
    for number in candidates:
        holder = until.enter_context(socket.socket())
        try:
            holder.bind(("127.0.0.1", number))
        except OSError:
            continue
        return number
    raise OSError(f"no free port from {FREE_RANGE.start} to {FREE_RANGE.stop - 1}")
