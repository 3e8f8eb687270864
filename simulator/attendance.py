"""What people do after they have accepted: they go, arrive, help, and tell the duty desk how it ended.

The simulator plays the duty desk's keyboard too: technical matters that nobody has to visit are closed after a while.
"""

import asyncio
import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from domain.clock import Clock
from simulator.errors import PlatformRefused
from simulator.lives.draws import draws
from simulator.platform import Platform, SeenIncident
from simulator.scenario import Journey

_LOOK_EVERY_S: Final = 0.5
_TECHNICAL: Final = frozenset({"device_offline", "low_battery", "area_outage", "unclear", "nobody_reached", "platform"})
_DESK_SETTLES_AFTER: Final = timedelta(minutes=20)
_DESK_GOES_AFTER: Final = timedelta(minutes=15)
"""So long an operator watches an incident on the console that nobody has accepted; then she sends somebody herself."""


class Attendance:
    """Looks at the open incidents again and again, and lets people arrive and finish in time."""

    def __init__(
        self,
        platform: Platform,
        clock: Clock,
        since: datetime,
        journey: Journey,
        seed: int,
        did: Callable[[SeenIncident, str, str], None] = lambda incident, deed, who: None,
        desk: str | None = None,
    ) -> None:
        """Describe it.

        Args:
            platform: where the incidents are.
            clock: care time.
            since: incidents opened before are left alone.
            journey: how long people take.
            seed: of their draws.
            did: is told of each arrival (``arrive``) and end (``close``), and by whom.
            desk: whom the duty desk sends to an incident that nobody accepts; None: nobody.
        """
        self._platform = platform
        self._clock = clock
        self._since = since
        self._journey = journey
        self._seed = seed
        self._did = did
        self._desk = desk
        self._going: dict[int, tuple[str, datetime]] = {}
        self.troubles: list[str] = []
        """What the platform refused; none of it stops the others."""

    async def run(self) -> None:
        """Attend until cancelled."""
        while True:
            try:
                await self.look()
            except PlatformRefused as error:
                self.troubles.append(str(error))
            await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> None:
        """Do what is due now."""
        for incident in await self._platform.incidents(self._since, ("open", "acknowledged", "on_scene")):
            await self._attend(incident)

    async def _attend(self, incident: SeenIncident) -> None:
        now = self._clock.now()
        if incident.hazard in _TECHNICAL:
            if now - incident.opened_at > _DESK_SETTLES_AFTER:
                await self._platform.say(incident.id, "close", outcome="technical")
            return
        if incident.state == "open":
            self._going.pop(incident.id, None)
            if self._desk is not None and now - incident.opened_at > _DESK_GOES_AFTER:
                await self._platform.say(incident.id, "accept", responder=self._desk)
            return
        if incident.id not in self._going:
            going = await self._who_goes(incident)
            if going is None:
                return
            self._going[incident.id] = going
        who, leaves_at = self._going[incident.id]
        travels, stays = self._times(who, incident)
        if incident.state == "acknowledged" and now >= leaves_at + travels:
            await self._platform.say(incident.id, "arrive", responder=who)
            self._did(incident, "arrive", who)
        elif incident.state == "on_scene" and now >= leaves_at + travels + stays:
            await self._platform.say(incident.id, "close", outcome="assistance", responder=who)
            self._did(incident, "close", who)

    async def _who_goes(self, incident: SeenIncident) -> tuple[str, datetime] | None:
        whole = await self._platform.whole(incident.id)
        accepted = [(one.accepted_at, one.responder) for one in whole.participations if one.accepted_at is not None]
        if not accepted:
            return None
        at, who = min(accepted)
        return who, at

    def _times(self, who: str, incident: SeenIncident) -> tuple[timedelta, timedelta]:
        draw = draws(self._seed, "journey", who, incident.household or "")
        travels = draw.lognormal(math.log(self._journey.median_s), self._journey.spread)
        stays = draw.lognormal(math.log(self._journey.on_scene_s), 0.4)
        return timedelta(seconds=float(min(travels, 1500))), timedelta(seconds=float(stays))
