"""What is known of an incident for those who are told of it."""

import pytest
from fixtures.nights import Night

from devices.model import Hazard
from domain.incident import SubjectKind
from domain.notification import AnswerKind
from store.matters import Matter, matters


async def _matter(night: Night, incident: int) -> Matter:
    async with night.database.transaction() as connection:
        return (await matters(connection, [incident], now=night.now))[incident]


async def test_a_household_s_incident_names_whoever_lives_there(night: Night) -> None:
    """A smoke alarm belongs to a home, not to a person."""
    matter = await _matter(night, await night.raises(Hazard.SMOKE, subject=SubjectKind.HOUSEHOLD))
    assert (matter.surname, matter.sex, matter.community, matter.address) == ("张", "female", "和平村", "三组1号")
    assert matter.timezone == "Asia/Shanghai"


async def test_those_who_go_are_named_and_those_who_withdrew_are_not(night: Night) -> None:
    """In the order of their saying so."""
    incident = await night.raises()
    for who in ("son", "daughter", "neighbour"):
        await night.says(who, AnswerKind.ACCEPT, incident)
    night.now = night.now.replace(hour=5)
    await night.says("neighbour", AnswerKind.DECLINE, incident)
    matter = await _matter(night, incident)
    assert sorted(matter.going) == ["daughter", "son"]
    assert matter.others_going(night.town.responders["son"]) == ["daughter"]
    assert sorted(matter.others_going(None)) == ["daughter", "son"]


@pytest.mark.parametrize(
    ("change", "covered"),
    [
        ("", True),
        ("valid_from = now() + interval '100 years'", False),
        ("valid_until = valid_from + interval '1 second'", False),
        ("withdrawn_at = valid_from", False),
        ("purpose = 'health'", False),
        ("recipient = 'duty_desk'", False),
    ],
)
async def test_consent_to_a_provider_abroad_counts_while_it_holds(night: Night, change: str, covered: bool) -> None:
    """For that purpose and those recipients only; a withdrawal counts at once."""
    incident = await night.raises()
    assert not (await _matter(night, incident)).overseas_consent
    await night.query(
        """INSERT INTO consents (resident_id, purpose, recipient, given_by, valid_from)
           VALUES (%s, 'overseas', 'responders', 'guardian', %s - interval '1 day')""",
        *(night.town.residents["zhang-1"], night.now),
    )
    if change:
        await night.query(f"UPDATE consents SET {change}")
    assert (await _matter(night, incident)).overseas_consent is covered
