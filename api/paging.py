"""Which part of a list is asked for."""

from typing import Annotated

from fastapi import Query

Cursor = Annotated[
    str | None,
    Query(max_length=64, pattern=r"^[A-Za-z0-9_.@-]+$", description="`next` of the part before this one."),
]
Number = Annotated[int | None, Query(ge=1, le=2**63 - 1, description="`next` of the part before this one.")]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]


class Window:
    """A part of a list of enrolled records."""

    def __init__(
        self,
        cursor: Cursor = None,
        limit: Limit = 100,
        retired: Annotated[bool, Query(description="Those out of use, instead of those in use.")] = False,
    ) -> None:
        self.cursor = cursor
        self.limit = limit
        self.retired = retired
