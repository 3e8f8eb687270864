"""What operators learn of the homes of an area incident, home by home: called, visited, fine, in need of help."""

from datetime import datetime
from enum import StrEnum

from alerting.answers import UnknownIncident
from devices.model import Hazard
from domain.area import HomeState
from domain.incident import IncidentId, SubjectKind
from store import answers, visits
from store.incidents import OwnAlarm, raise_own
from store.pool import Connection
from store.timeline import append
from store.visits import Concerned


class NotMarked(StrEnum):
    """Why nothing was written."""

    NOT_CONCERNED = "not_concerned"  # no home of this list
    NO_NEWS = "no_news"  # it stands so already


async def mark(
    connection: Connection, incident_id: IncidentId, household: str, state: HomeState, *, by: str, now: datetime
) -> NotMarked | None:
    """Write down how a home (by its code) stands, on the list and on the timeline; None, or why not. Where help is
    needed an incident of that home opens, and its plan calls people. Raises UnknownIncident.
    """
    if await answers.lock(connection, incident_id) is None:
        raise UnknownIncident(incident_id)
    home = await visits.concerned(connection, incident_id, household)
    if home is None:
        return NotMarked.NOT_CONCERNED
    if home.state is state:
        return NotMarked.NO_NEWS
    await visits.mark(connection, incident_id, home.household_id, state, by=by, now=now)
    detail: dict[str, object] = {"household": household, "before": home.state.value}
    if state is HomeState.NEEDS_HELP:
        detail["incident"] = await _call_help(connection, incident_id, home, by=by, now=now)
    await append(connection, incident_id, now, "home", state.value, actor=by, detail=detail)
    return None


async def _call_help(
    connection: Connection, incident_id: IncidentId, home: Concerned, *, by: str, now: datetime
) -> IncidentId:
    raised = await raise_own(
        connection,
        OwnAlarm(
            source="desk",
            identity=f"help|{incident_id}|{home.household_id}|{now.isoformat()}",
            hazard=Hazard.SOS,
            subject_kind=SubjectKind.HOUSEHOLD,
            subject_id=str(home.household_id),
            organisation_id=home.organisation_id,
            mode=home.mode,
            household_id=home.household_id,
            reason=Hazard.SOS.value,
            evidence={"area": incident_id, "by": by},
        ),
        now=now,
    )
    assert raised is not None, "the lock of the area incident lets one mark of a home through at a time"
    return raised[0]
