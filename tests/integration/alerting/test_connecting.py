"""An operator is connected by telephone: her own rings first, and is bridged when she answers."""

import pytest
from fixtures.nights import Night
from fixtures.switchboard import Switchboard
from fixtures.town import DAUGHTER

from alerting.called_by_hand import HOME, NotCalled, connect
from domain.incident import IncidentId, Outcome
from domain.notification import AnswerKind, Via
from domain.people import Language, OrganisationId
from domain.permissions import ROLE_SCOPES, Actor, Role
from simulator.phone.call import Call
from simulator.phone.people import Answers, LetsItRing, Voicemail
from store.sessions import Visitor

OWN = "+8613800000009"
RESIDENT = "+8613700000001"
HOUSE = "+861000000001"


def _li(night: Night) -> Visitor:
    organisation = OrganisationId(night.town.organisations["town"])
    return Visitor(
        session=b"",
        name="li",
        actor=Actor(id="user:li", organisation_id=organisation, scopes=ROLE_SCOPES[Role.OPERATOR], role=Role.OPERATOR),
        language=Language.EN,
        organisation="Qinghe Town",
        timezone="Asia/Shanghai",
        phone=None,
    )


async def _connects(
    night: Night, incident: IncidentId, whom: str = "resident:zhang-1", own_number: str = OWN
) -> NotCalled | None:
    async with night.database.transaction() as connection:
        return await connect(connection, incident, whom, visitor=_li(night), own_number=own_number, now=night.now)


async def _contact(night: Night, who: str) -> str:
    rows = await night.query(
        """SELECT c.id FROM contacts c JOIN responders r ON r.id = c.responder_id
           WHERE r.code = %s AND c.channel = 'voice'""",
        who,
    )
    return f"contact:{rows[0][0]}"


@pytest.fixture
async def incident(switchboard: Switchboard) -> IncidentId:
    """A press in the first home, whose resident and whose house have a telephone; nobody is called for it yet."""
    night = switchboard.night
    await night.query("UPDATE residents SET phone = %s WHERE code = 'zhang-1'", RESIDENT)
    await night.query("UPDATE households SET phone = %s WHERE code = 'home-1'", HOUSE)
    return await night.raises()


async def _own_telephone(switchboard: Switchboard) -> Call:
    call = await switchboard.network.wait_for_call(OWN)
    await call.answer()
    return call


async def _standing(switchboard: Switchboard) -> tuple[str, str | None]:
    rows = await switchboard.night.query("SELECT state, failure FROM notifications WHERE purpose = 'connect'")
    return rows[0][0], rows[0][1]


async def test_her_telephone_rings_and_is_bridged_to_the_resident(
    switchboard: Switchboard, incident: IncidentId
) -> None:
    """Nothing is said of the resident before; the end of the talk is written, and nobody has failed to answer."""
    switchboard.person(OWN)
    switchboard.person(RESIDENT, temper=Answers(after_s=2, talks_s=30))
    assert await _connects(switchboard.night, incident) is None
    await switchboard.start()
    call = await _own_telephone(switchboard)
    await call.hears("You are being connected")
    assert "张" not in " ".join(call.spoken)
    assert await _connects(switchboard.night, incident) is NotCalled.BEING_CONNECTED
    await switchboard.forward(40)
    assert call.bridged_to == [RESIDENT]
    await call.hears("Goodbye")
    await switchboard.hung_up(OWN)
    assert await _standing(switchboard) == ("delivered", None)
    timeline = [line for line in await switchboard.night.timeline(incident) if line.startswith(("conn", "part"))]
    assert timeline == ["connect by_operator", "connected by_operator", "parted talked"]
    rows = await switchboard.night.query("SELECT DISTINCT detail ->> 'operator' FROM timeline WHERE kind = 'connected'")
    assert rows == [("li",)]


async def test_with_a_responder_and_with_the_house(switchboard: Switchboard, incident: IncidentId) -> None:
    """Whoever can be called can be talked to as well; with the incident's own plan untouched by either."""
    switchboard.person(OWN)
    switchboard.person(DAUGHTER, temper=Answers(after_s=2, talks_s=5))
    switchboard.person(HOUSE, temper=Answers(after_s=2, talks_s=5))
    await switchboard.start()
    bridged = []
    for whom in (await _contact(switchboard.night, "daughter"), HOME):
        assert await _connects(switchboard.night, incident, whom) is None
        call = await _own_telephone(switchboard)
        await call.hears("You are being connected")
        await switchboard.forward(20)
        bridged += call.bridged_to
        await switchboard.hung_up(OWN)
    assert bridged == [DAUGHTER, HOUSE]
    assert await switchboard.night.state(incident) == "open"
    rows = await switchboard.night.query(
        "SELECT detail -> 'with' IS NULL OR detail ->> 'with' IS NULL FROM timeline WHERE kind = 'parted'"
    )
    assert rows == [(False,), (True,)]


async def test_whom_nobody_answers_she_is_told(switchboard: Switchboard, incident: IncidentId) -> None:
    """And it stands on the timeline."""
    switchboard.person(OWN)
    switchboard.person(RESIDENT, temper=LetsItRing())
    assert await _connects(switchboard.night, incident) is None
    await switchboard.start()
    call = await _own_telephone(switchboard)
    await call.hears("You are being connected")
    await switchboard.forward(100)
    await call.hears("There was no answer.")
    await switchboard.hung_up(OWN)
    assert "parted no-answer" in await switchboard.night.timeline(incident)


async def test_her_voicemail_is_connected_with_nobody(switchboard: Switchboard, incident: IncidentId) -> None:
    """The resident's telephone does not even ring."""
    switchboard.person(OWN, temper=Voicemail())
    switchboard.person(RESIDENT)
    assert await _connects(switchboard.night, incident) is None
    await switchboard.start()
    await switchboard.until_called(OWN)
    await switchboard.forward(100)
    await switchboard.hung_up(OWN)
    assert await _standing(switchboard) == ("failed", "voicemail")
    assert switchboard.network.calls_to(RESIDENT) == []


async def test_whom_we_are_talking_to_ourselves_is_not_dialled(switchboard: Switchboard, incident: IncidentId) -> None:
    """One live call for each number holds for bridges too: at the wish, and again when her telephone is answered."""
    night = switchboard.night
    switchboard.person(DAUGHTER)
    switchboard.person(OWN)
    daughter = await _contact(night, "daughter")
    assert await _connects(night, incident, daughter) is None
    await switchboard.ask(incident, "daughter")
    await switchboard.start()
    asked = await switchboard.network.wait_for_call(DAUGHTER)
    await asked.answer()
    await asked.hears("press 1")
    call = await _own_telephone(switchboard)
    await call.hears("We are talking to this number at the moment.")
    await switchboard.hung_up(OWN)
    assert call.bridged_to == []
    assert await _connects(night, incident, daughter) is NotCalled.ENGAGED
    await asked.press("2")
    await switchboard.hung_up(DAUGHTER)


async def test_who_cannot_be_connected(night: Night) -> None:
    """A home without a telephone, a number that may not be called, her own number, a drill, what is resolved."""
    incident = await night.raises()
    assert await _connects(night, incident) is NotCalled.NO_PHONE
    assert await _connects(night, incident, HOME) is NotCalled.NO_PHONE
    assert await _connects(night, incident, "contact:1x") is NotCalled.NO_PHONE
    await night.query("UPDATE residents SET phone = %s", RESIDENT)
    for number in ("110", "+86110", "13800138000", "+861234", RESIDENT):
        assert await _connects(night, incident, own_number=number) is NotCalled.BAD_NUMBER
    drill = await night.raises(home=1, mode="drill")
    assert await _connects(night, drill) is NotCalled.DRILL
    await night.says("x", AnswerKind.CLOSE, incident, outcome=Outcome.ASSISTANCE, via=Via.CONSOLE, by="user:li")
    assert await _connects(night, incident) is NotCalled.ENDED
    assert await night.query("SELECT count(*) FROM notifications") == [(0,)]
