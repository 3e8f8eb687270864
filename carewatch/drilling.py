"""A drill: a press from a made-up resident goes through the whole chain, and every stage of it must show.

Household, resident, device and responder are registered for drills, so that nobody real is called for it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import httpx

from alerting.answers import Answer, give
from alerting.channels.twilio_account import is_loopback
from alerting.deployment import STAND_IN_HEADER
from carewatch.errors import CarewatchError
from carewatch.settings import Settings
from devices.native import Stage as Told
from domain.incident import IncidentId, IncidentState, Outcome
from domain.notification import AnswerKind, Via
from domain.people import Mode
from simulator.fleet.in_hand import DeviceInHand
from simulator.fleet.witness import Journey
from simulator.phone.people import Answers, Person
from simulator.phone.remote import RemotePhone
from simulator.responders import NUMBER_PREFIX
from store import incident_views, timeline
from store.incident_views import IncidentFilter
from store.pool import Database, DatabaseClock
from store.registry import Noun, save
from store.wakeups import Bell, ring

CELL: Final = "drill"
DEVICE: Final = "drill-button"
_HOME: Final = "drill-home"
_STAND_IN_NUMBER: Final = f"{NUMBER_PREFIX}99999998"
_ACTOR: Final = "command:drill"
_LOOK_EVERY_S: Final = 0.1
_LOOKS_OF_THE_LANES: Final = 3
_UNRESOLVED: Final = [state.value for state in IncidentState if state is not IncidentState.RESOLVED]


class Stage(StrEnum):
    """What must happen, in this order."""

    PUBLISHED = "published"  # the broker has the alarm
    STORED_RECEIPT = "stored_receipt"
    INCIDENT = "incident"
    NOTIFIED = "notified"  # the engine has decided whom to ask
    CALLED = "called"
    ACCEPTED = "accepted"
    ACCEPTED_RECEIPT = "accepted_receipt"
    RESOLVED = "resolved"
    RESOLVED_RECEIPT = "resolved_receipt"


_ON_THE_TIMELINE: Final = {
    Stage.INCIDENT: "opened",
    Stage.NOTIFIED: "ask",
    Stage.CALLED: "called",
    Stage.ACCEPTED: "accepted",
    Stage.RESOLVED: "resolved",
}
_AS_RECEIPT: Final = {
    Stage.STORED_RECEIPT: Told.STORED,
    Stage.ACCEPTED_RECEIPT: Told.ACCEPTED,
    Stage.RESOLVED_RECEIPT: Told.RESOLVED,
}


class NoDrillNumber(CarewatchError):
    """The provider is real, and no number was given that takes part in drills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """What came of a drill: seconds from the press to each stage that was seen."""

    incident: int | None
    after_s: Mapping[Stage, float] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[Stage, ...]:
        """The stages that were not seen."""
        return tuple(stage for stage in Stage if stage not in self.after_s)


async def drill(
    settings: Settings, database: Database, *, number: str | None, password: str | None, wait_s: float
) -> Drilled:
    """Press, wait ``wait_s`` for the acceptance, and resolve. Whatever is missing, the drill's incident is closed.

    Args:
        settings: of the installation that is to be proved.
        database: its database.
        number: a phone that takes part in drills; not needed where the provider is the stand-in.
        password: of the device ``drill-button`` at the broker, if it wants one.
        wait_s: machine time.

    Raises NoDrillNumber, NoBroker, StoreError or SimulatorError.
    """
    clock = DatabaseClock(database)
    await clock.refresh()
    await _prepare(settings, database, clock, number or await _stand_in(settings))
    async with DeviceInHand(settings.broker, CELL, DEVICE, password=password, clock=clock) as device:
        journey = device.press()
        accepted = await _seen(database, journey, (Stage.ACCEPTED, Stage.ACCEPTED_RECEIPT), wait_s)
        await _resolve(database, clock)
        if accepted:
            await _seen(database, journey, (Stage.RESOLVED, Stage.RESOLVED_RECEIPT), wait_s)
        return await _look(database, journey)


async def _stand_in(settings: Settings) -> str:
    """Put somebody who comes on the stand-in, and return her number. Raises NoDrillNumber where there is none."""
    url = settings.twilio.base_url if settings.twilio is not None else ""
    if settings.twilio is None or not is_loopback(url) or not await _is_stand_in(url):
        raise NoDrillNumber("the provider is no stand-in: say with --number which phone takes part in drills")
    async with RemotePhone(url) as phone:
        temper = Answers(after_s=1.0, keys=("1",), listens_s=0.5)
        await phone.register(Person(number=_STAND_IN_NUMBER, name="drill", temper=temper))
    return _STAND_IN_NUMBER


async def _is_stand_in(url: str) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            answer = await client.get(url)
        except httpx.HTTPError:
            return False
    return bool(answer.headers.get(STAND_IN_HEADER) == "phone")


async def _prepare(settings: Settings, database: Database, clock: DatabaseClock, number: str) -> None:
    """Enrol what a drill needs, close what an earlier one left open, and wait until the lanes know the device."""
    async with database.transaction() as connection:
        for noun, record in _enrolment(number):
            await save(connection, noun, [record], now=clock.now())
    await _resolve(database, clock)
    await asyncio.sleep(_LOOKS_OF_THE_LANES * settings.ingest.clock_s)


def _enrolment(number: str) -> list[tuple[Noun, dict[str, Any]]]:
    silent_after_s = timedelta(days=32).total_seconds()
    return [
        (Noun.ORGANISATIONS, {"code": "drill", "kind": "community", "name": "演练", "cell": CELL}),
        (
            Noun.HOUSEHOLDS,
            {"code": _HOME, "organisation": "drill", "mode": Mode.DRILL, "community": "演练", "address": "演练"},
        ),
        (Noun.RESIDENTS, {"code": "drill-resident", "household": _HOME, "surname": "演"}),
        (
            Noun.RESPONDERS,
            {
                "code": "drill-responder",
                "organisation": "drill",
                "name": "演练",
                "mode": Mode.DRILL,
                "contacts": [{"channel": "voice", "address": number, "rank": 0}],
            },
        ),
        (
            Noun.CIRCLE_MEMBERS,
            {"household": _HOME, "circle": "children", "responder": "drill-responder", "relation": "drill"},
        ),
        (
            Noun.DEVICE_MODELS,
            {"model": "drill", "kind": "call_button", "protocol": "native", "silent_after_s": silent_after_s},
        ),
        (
            Noun.DEVICES,
            {"device_id": DEVICE, "cell": CELL, "model": "drill", "household": _HOME, "resident": "drill-resident"},
        ),
    ]


async def _seen(database: Database, journey: Journey, wanted: tuple[Stage, ...], within_s: float) -> bool:
    """Wait until all of ``wanted`` have been seen; False if that takes longer."""
    try:
        async with asyncio.timeout(within_s):
            while not set(wanted) <= set((await _look(database, journey)).after_s):  # noqa: ASYNC110 - a database
                await asyncio.sleep(_LOOK_EVERY_S)
    except TimeoutError:
        return False
    return True


async def _look(database: Database, journey: Journey) -> Drilled:
    """What has been seen of the press so far."""
    after_s = {
        stage: journey.receipts[told] - journey.planned
        for stage, told in _AS_RECEIPT.items()
        if told in journey.receipts
    }
    if journey.acknowledged is not None:
        after_s[Stage.PUBLISHED] = journey.acknowledged - journey.planned
    async with database.transaction() as connection:
        found = await incident_views.list_incidents(connection, None, IncidentFilter(household=_HOME))
        ours = found[0] if found and found[0].opened_at.timestamp() >= journey.planned else None
        entries = await timeline.entries(connection, ours.id) if ours else []
    for stage, kind in _ON_THE_TIMELINE.items():
        first = next((entry.at for entry in entries if entry.kind == kind), None)
        if first is not None:
            after_s[stage] = first.timestamp() - journey.planned
    return Drilled(
        incident=ours.id if ours else None, after_s={stage: after_s[stage] for stage in Stage if stage in after_s}
    )


async def _resolve(database: Database, clock: DatabaseClock) -> None:
    """Close whatever incident of the drill is open."""
    now = await clock.refresh()
    async with database.transaction() as connection:
        wanted = IncidentFilter(household=_HOME, states=_UNRESOLVED)
        for incident in await incident_views.list_incidents(connection, None, wanted, limit=100):
            answer = Answer(
                incident_id=IncidentId(incident.id),
                kind=AnswerKind.CLOSE,
                via=Via.API,
                by=_ACTOR,
                outcome=Outcome.TEST,
            )
            await give(connection, answer, now=now)
    await ring(database, Bell.ENGINE, Bell.SENDER)
