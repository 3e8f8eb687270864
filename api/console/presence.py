"""Who else looks at an incident, at this console or another one.

Each process says every few seconds which incidents its pages show; what it has not said again counts no more, so that
a console that died is soon forgotten.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID, uuid4

from store import presence
from store.pool import Connection
from store.presence import OpenIncident

SAY_EVERY_S: Final = 5.0
LASTS_S: Final = 3 * SAY_EVERY_S
"""Two sayings may be lost before somebody who is there seems to be gone."""


class Look:
    """One page that shows an incident. While its browser is away it does not count."""

    def __init__(self, watch: "Presence", incident_id: int, name: str, told: Callable[[tuple[str, ...]], None]) -> None:
        self._watch = watch
        self.page = uuid4()
        self.incident_id = incident_id
        self.name = name
        self.told = told
        self.others: tuple[str, ...] = ()

    def begin(self) -> None:
        """The browser is there."""
        self._watch.began(self)

    def end(self) -> None:
        """The browser has gone, for the moment or for good."""
        self._watch.ended(self)


class Presence:
    """The incidents that are open here, and who else has them open. The feed calls :meth:`turn` in its own turns."""

    def __init__(self) -> None:
        self._looks: dict[UUID, Look] = {}
        self._gone: set[UUID] = set()
        self._news = False
        self._said_s = float("-inf")

    def look(self, incident_id: int, name: str, told: Callable[[tuple[str, ...]], None]) -> Look:
        """A page that is to show an incident to ``name``; ``told`` is called with who else does, on every change."""
        return Look(self, incident_id, name, told)

    def began(self, look: Look) -> None:
        """``look`` counts from now on."""
        self._looks[look.page] = look
        self._gone.discard(look.page)
        self._news = True

    def ended(self, look: Look) -> None:
        """``look`` counts no more."""
        if self._looks.pop(look.page, None) is not None:
            self._gone.add(look.page)
            self._news = True

    async def turn(self, connection: Connection) -> Mapping[int, tuple[str, ...]] | None:
        """Say what is open here, if it is time or has changed, and return who has which incident open anywhere; None
        where nobody here would want to know.
        """
        gone, now_s = set(self._gone), time.monotonic()
        if gone:
            await presence.close(connection, gone)
        if self._looks and (self._news or now_s - self._said_s >= SAY_EVERY_S):
            here = [OpenIncident(one.page, one.incident_id, one.name) for one in self._looks.values()]
            self._news, self._said_s = False, now_s
            await presence.keep(connection, here, lasts_s=LASTS_S)
        self._gone -= gone
        return await presence.open_now(connection, lasts_s=LASTS_S) if self._looks else None

    def tell(self, open_now: Mapping[int, tuple[str, ...]]) -> None:
        """Tell each page who else has its incident open, where that has changed."""
        for look in list(self._looks.values()):
            others = tuple(name for name in open_now.get(look.incident_id, ()) if name != look.name)
            if others != look.others:
                look.others = others
                look.told(others)
