"""Call-backs about calls that are forged, repeated, late or lost: real database, Twilio's interface over HTTP."""

import httpx
import pytest
from fixtures.switchboard import Switchboard
from fixtures.town import DAUGHTER, SON

from simulator.phone.faults import Mischief
from simulator.phone.people import Answers, IsBusy, LetsItRing


async def test_forged_call_backs_change_nothing(switchboard: Switchboard) -> None:
    """Neither keys nor news are taken from whoever cannot sign them."""
    switchboard.person(DAUGHTER)
    incident = await switchboard.night.raises()
    asked = await switchboard.ask(incident, "daughter")
    await switchboard.start()
    call = await switchboard.network.wait_for_call(DAUGHTER)
    url, form = call.request.script.url, {"CallSid": call.sid, "CallStatus": "in-progress", "Digits": "1"}
    address = url.partition("?")[0]
    about = f"{address}/keys?about={address.rsplit('/', 1)[1]}"
    assert await switchboard.network.forge(about, form) == 403
    assert await switchboard.network.forge(call.request.status_callback, form | {"CallStatus": "busy"}) == 403
    async with httpx.AsyncClient() as client:
        assert (await client.post(about, data=form)).status_code == 403
    assert (await switchboard.notification(asked))[2] is None
    await call.decline()
    await switchboard.becomes(asked, "failed", "busy")


@pytest.mark.parametrize(
    "mischief",
    [Mischief(repeats=2), Mischief(reverse=True), Mischief(forged=True), Mischief(late_s=20)],
    ids=["repeated", "reversed", "forged before each", "late"],
)
async def test_call_backs_that_are_repeated_reordered_or_late_change_nothing_wrongly(
    switchboard: Switchboard, mischief: Mischief
) -> None:
    """An accepted call stays accepted, one that was not answered has failed once, and the number comes free."""
    switchboard.network.mischief = mischief
    switchboard.person(DAUGHTER, temper=Answers(keys=("1",)))
    switchboard.person(SON, temper=LetsItRing())
    incident = await switchboard.night.raises()
    accepted, unanswered = await switchboard.ask(incident, "daughter"), await switchboard.ask(incident, "son")
    await switchboard.start()
    await switchboard.until_called(DAUGHTER, SON)
    await switchboard.forward(120)
    await switchboard.hung_up(DAUGHTER)
    await switchboard.hung_up(SON)
    assert await switchboard.notification(accepted) == ("delivered", None, "accept")
    assert await switchboard.notification(unanswered) == ("failed", "no_answer", None)
    timeline = await switchboard.night.timeline(incident)
    assert timeline.count("called placed") == 2
    assert timeline.count("failed no_answer") == 1
    assert timeline.count("keyed key_1") == 1


async def test_lost_call_backs_are_asked_for(switchboard: Switchboard) -> None:
    """The provider is polled for what it has not told, and the number comes free."""
    switchboard.network.mischief = Mischief(lost=True)
    switchboard.person(DAUGHTER, temper=IsBusy())
    incident = await switchboard.night.raises()
    asked = await switchboard.ask(incident, "daughter")
    await switchboard.start()
    await switchboard.becomes(asked, "sent")
    await switchboard.forward(31)
    await switchboard.becomes(asked, "failed", "busy")
    await switchboard.hung_up(DAUGHTER)
