"""Calls from the outbox to a phone and back: real database, Twilio's interface over HTTP, care time by hand."""

from fixtures.switchboard import Switchboard
from fixtures.town import DAUGHTER


async def test_a_call_is_answered_and_accepted_with_key_1(switchboard: Switchboard) -> None:
    """Before the key: surname, hazard, community, time. After it: the address and how to get in."""
    switchboard.person(DAUGHTER)
    incident = await switchboard.night.raises()
    asked = await switchboard.ask(incident, "daughter")
    await switchboard.start()
    call = await switchboard.network.wait_for_call(DAUGHTER)
    await call.answer()
    before = " ".join(
        [await call.hears("CareWatch"), await call.hears("pressed the call button"), await call.hears("press 1")]
    )
    assert "Mrs 张 of 和平村 pressed the call button at 12:00." in before
    assert "三组1号" not in " ".join(call.spoken)
    await call.press("1")
    assert "三组1号" in await call.hears("三组1号")
    assert await switchboard.night.state(incident) == "acknowledged"
    assert await switchboard.notification(asked) == ("delivered", None, "accept")
    await call.hang_up()
    await switchboard.hung_up(DAUGHTER)
    assert await switchboard.notification(asked) == ("delivered", None, "accept")
    timeline = await switchboard.night.timeline(incident)
    assert [line for line in timeline if line.split()[0] in ("called", "answered_call", "keyed", "accepted")] == [
        "called placed",
        "answered_call human",
        "keyed key_1",
        "accepted first",
    ]
