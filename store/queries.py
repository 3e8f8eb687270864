"""Named queries, kept in ``queries/<noun>.sql``.

A file is a list of blocks, each ``-- name: <name>``, then a description in comments, then one statement with
``%(parameter)s`` in it. ``queries("incidents").due`` is that statement's text.
"""

import functools
import re
from importlib import resources

from store.errors import BadQuery

_HEAD = re.compile(r"^-- name: ([a-z][a-z0-9_]*)\s*$", re.MULTILINE)


class Queries:
    """The statements of one noun, as attributes (text, ready for psycopg)."""

    def __init__(self, noun: str, text: str) -> None:
        pieces = _HEAD.split(text)
        self._noun = noun
        self._texts: dict[str, str] = {}
        for name, block in zip(pieces[1::2], pieces[2::2], strict=True):
            lines = block.strip().splitlines()
            if not lines or not lines[0].startswith("-- "):
                raise BadQuery(f"query {noun}.{name} has no description")
            if name in self._texts:
                raise BadQuery(f"query {noun}.{name} is there twice")
            statement = "\n".join(line for line in lines if not line.lstrip().startswith("--")).strip()
            self._texts[name] = statement.rstrip(";")

    def __getattr__(self, name: str) -> bytes:
        try:
            return self._texts[name].encode()
        except KeyError:
            raise BadQuery(f"there is no query {self._noun}.{name}") from None

    def names(self) -> tuple[str, ...]:
        """The names of all statements, in the order of the file."""
        return tuple(self._texts)


@functools.cache
def queries(noun: str) -> Queries:
    """The named queries of ``queries/<noun>.sql``."""
    return Queries(noun, resources.files("store").joinpath("queries", f"{noun}.sql").read_text("utf-8"))
