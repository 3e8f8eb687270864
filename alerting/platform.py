"""Trouble of the platform itself: one incident for each kind, at the duty desk of the top organisation."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import structlog

from devices.model import Hazard
from domain.incident import SubjectKind
from store import promises
from store.incidents import OwnAlarm, raise_own
from store.pool import Connection

log = structlog.get_logger(__name__)

_PAUSE: Final = timedelta(minutes=5)
"""Trouble that is not seen for so long has ended; the auditor looks every minute."""


class Trouble(StrEnum):
    """What may be wrong with the platform."""

    ENGINE_LATE = "engine_late"  # incidents whose next step nobody has taken
    ALARM_ALONE = "alarm_alone"  # a raised alarm without an incident
    OUTBOX_LATE = "outbox_late"  # messages that no sender takes, finishes or asks after
    RECEIPTS_LATE = "receipts_late"  # devices, and so residents, that are not told
    DOUBLED = "doubled"  # two unresolved incidents of one key
    LANE_DEAF = "lane_deaf"  # no canary comes through: we do not hear
    CLOCK_JUMPED = "clock_jumped"  # the wall clock left the monotonic one


async def report(connection: Connection, trouble: Trouble, evidence: Mapping[str, Any], *, now: datetime) -> bool:
    """Raise an incident about ``trouble``, unless one has been since it began. Closed while the trouble goes on it is
    raised again. False where nobody is enrolled yet whom one could tell.
    """
    organisation = await promises.top(connection)
    if organisation is None:
        log.error(
            "the platform is in trouble, and no organisation is enrolled to be told", trouble=trouble, evidence=evidence
        )
        return False
    subject = f"platform:{trouble}"
    lasting = await promises.trouble(connection, trouble, subject_id=subject, now=now, pause=_PAUSE)
    await raise_own(
        connection,
        OwnAlarm(
            source="platform",
            identity=f"{trouble}|{lasting.since.isoformat()}|{lasting.closed}",
            hazard=Hazard.PLATFORM,
            subject_kind=SubjectKind.SOURCE,
            subject_id=subject,
            organisation_id=organisation,
            reason=trouble.value,
            evidence=evidence,
        ),
        now=now,
    )
    log.error("the platform is in trouble", trouble=trouble, lasting_since=lasting.since.isoformat(), evidence=evidence)
    return True
