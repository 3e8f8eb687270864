"""The page of all settings, written from the classes that own them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_json

from carewatch.settings import DELIMITER, PREFIX, SHARED, Settings, sections

_HEAD: Final = """# Settings

Written by `carewatch settings`; a test compares. Of several sources the first that states a value wins: the command
line, an environment variable, a TOML file (`--config` or `CAREWATCH_CONFIG`), the default. The variable of
`web.port` is `CAREWATCH_WEB__PORT`; lists and tables are JSON there. A name that no setting has is refused, and all
faults are told at once.
"""
_BY_PROCESS: Final = frozenset({"lane"})
"""What a section holds but nobody states: it follows from the process."""


def page() -> str:
    """The page, in Markdown."""
    return "\n".join([_HEAD, *_lines()]) + "\n"


def _lines() -> Iterator[str]:
    kinds = sections()
    yield from _table((name, field) for name, field in Settings.model_fields.items() if name not in kinds)
    for section, kind in kinds.items():
        yield f"\n## {section}\n\n{_first_line(kind)}\n"
        fields = kind.model_fields.items()
        own = [(name, field) for name, field in fields if name not in SHARED and name not in _BY_PROCESS]
        yield from _table((f"{section}.{name}", field) for name, field in own)


def _table(rows: Iterable[tuple[str, FieldInfo]]) -> Iterator[str]:
    yield "| setting | variable | default | what |"
    yield "| --- | --- | --- | --- |"
    for path, field in rows:
        variable = PREFIX + path.replace(".", DELIMITER).upper()
        yield f"| `{path}` | `{variable}` | {_default(field)} | {_what(field)} |"


def _first_line(kind: type[BaseModel]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "needed"
    if value in (None, "", (), {}):
        return "none"
    return f"`{value if isinstance(value, str | Path) else to_json(value).decode()}`"


def _what(field: FieldInfo) -> str:
    return " ".join((field.description or "").split()).replace("|", "\\|")
