"""Every closed set of the code is the closed set of the schema."""

import re
from enum import StrEnum

import psycopg
import pytest

from devices.model import DeviceKind, Hazard, Protocol, SignalState
from domain.area import HomeState
from domain.consent import ConsentPurpose, Recipient
from domain.incident import IncidentState, Outcome, SubjectKind
from domain.notification import LEGAL, AnswerKind, Failure, NotificationState, Purpose, Via
from domain.people import ChannelName, Language, Mode, OrganisationKind, ResidentCategory, ResidentState
from domain.permissions import Role, Scope
from store.rules import RuleScope

_SETS: list[tuple[str, str, type[StrEnum], set[str]]] = [
    ("organisations", "kind", OrganisationKind, set()),
    ("organisations", "language", Language, set()),
    ("households", "mode", Mode, set()),
    ("residents", "state", ResidentState, set()),
    ("residents", "categories", ResidentCategory, set()),
    ("consents", "purpose", ConsentPurpose, set()),
    ("consents", "recipient", Recipient, set()),
    ("contacts", "channel", ChannelName, set()),
    ("device_models", "kind", DeviceKind, set()),
    ("device_models", "protocol", Protocol, set()),
    ("incidents", "hazard", Hazard, set()),
    ("incidents", "state", IncidentState, set()),
    ("incidents", "outcome", Outcome, set()),
    ("incidents", "subject_kind", SubjectKind, set()),
    ("alarms", "state", SignalState, set()),
    ("notifications", "state", NotificationState, set()),
    ("notifications", "failure", Failure, set()),
    ("notifications", "answer", AnswerKind, set()),
    ("notifications", "purpose", Purpose, set()),
    ("participations", "via", Via, set()),
    ("area_visits", "state", HomeState, set()),
    ("users", "role", Role, {Role.SYSTEM}),
    ("api_keys", "scopes", Scope, set()),
    ("rules", "scope", RuleScope, set()),
]


@pytest.mark.parametrize(("table", "column", "kind", "absent"), _SETS, ids=str)
def test_the_schema_allows_just_the_members(
    dsn: str, table: str, column: str, kind: type[StrEnum], absent: set[str]
) -> None:
    """A member added on one side only is found here."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            """SELECT pg_get_constraintdef(oid) FROM pg_constraint
               WHERE conrelid = %s::regclass AND contype = 'c' AND conkey = ARRAY[
                   (SELECT attnum FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s)]""",
            (table, table, column),
        ).fetchall()
    allowed = {value for (text,) in rows for value in re.findall(r"'([a-z0-9_A-Z-]+)'::text", text)}
    assert allowed == {member.value for member in kind} - absent


def test_the_schema_allows_just_the_legal_moves_of_a_notification(dsn: str) -> None:
    """The trigger's table and the domain's are one."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT prosrc FROM pg_proc WHERE proname = 'legal_notification_move'").fetchone()
    assert row is not None
    moves = set(re.findall(r"\('([a-z]+)', '([a-z]+)'\)", row[0]))
    assert moves == {(before.value, after.value) for before, later in LEGAL.items() for after in later}
