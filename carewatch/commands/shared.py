"""What the commands have in common: the settings, and where they write."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from carewatch.settings import Settings, load

stdout = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)


@dataclass(frozen=True, slots=True)
class Stated:
    """What stood before the name of the command."""

    config: Path | None = None
    folder: Path | None = None


def settings_of(context: typer.Context, **overrides: Any) -> Settings:
    """The settings of this call. Raises SettingsFault."""
    stated: Stated = context.obj
    return load(stated.config, folder=stated.folder, **overrides)


def words_of(context: typer.Context) -> list[str]:
    """What makes another call read the same settings, to stand before the name of its command."""
    stated: Stated = context.obj
    named = {"--config": stated.config, "--folder": stated.folder}
    return [word for name, path in named.items() if path is not None for word in (name, str(path.absolute()))]
