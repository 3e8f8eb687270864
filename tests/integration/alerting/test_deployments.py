"""A synthetic home never reaches a real phone, and a drill nobody but those registered for drills."""

import asyncio

import pytest
from fixtures.switchboard import Switchboard
from fixtures.town import DAUGHTER
from pydantic import ValidationError

from alerting import sender
from alerting.deployment import Deployment
from alerting.errors import RealProvider
from alerting.sender import SenderConfig, refuse_real_provider
from domain.health import Health
from simulator.phone.people import LetsItRing


def _with_provider(switchboard: Switchboard, url: str, deployment: Deployment) -> SenderConfig:
    assert switchboard.config.twilio is not None
    twilio = switchboard.config.twilio.model_copy(update={"base_url": url})
    return switchboard.config.model_copy(update={"twilio": twilio, "deployment": deployment})


async def test_a_synthetic_deployment_refuses_a_real_provider(switchboard: Switchboard) -> None:
    """It does not even begin; the reason says what to do."""
    for deployment in Deployment:
        config = _with_provider(switchboard, "https://api.twilio.com", deployment)
        if deployment.synthetic:
            with pytest.raises(RealProvider, match="must never reach a real phone"):
                await sender.run(config, switchboard.clock, asyncio.Event(), Health())


async def test_what_does_not_call_itself_a_stand_in_is_refused_on_this_machine_too(switchboard: Switchboard) -> None:
    """A tunnel to the real provider is on this machine as well; and nobody knows what does not answer."""
    web = switchboard.services.config.public_url
    with pytest.raises(RealProvider, match="does not say that it is a stand-in"):
        await refuse_real_provider(_with_provider(switchboard, web, Deployment.DEMO))
    with pytest.raises(RealProvider, match="does not answer"):
        await refuse_real_provider(_with_provider(switchboard, "http://127.0.0.1:1", Deployment.DEMO))
    with pytest.raises(RealProvider, match="not an address of this machine"):
        await refuse_real_provider(_with_provider(switchboard, "http://localhost.example.org", Deployment.CHAOS))


async def test_the_stand_in_and_production_are_let_through(switchboard: Switchboard) -> None:
    """Nothing is asked of a provider in production."""
    await refuse_real_provider(switchboard.config)
    await refuse_real_provider(_with_provider(switchboard, "https://api.twilio.com", Deployment.PRODUCTION))


async def test_a_drill_reaches_nobody_who_is_not_registered_for_drills(switchboard: Switchboard) -> None:
    """The message fails before any provider hears of it; those registered are called."""
    switchboard.person(DAUGHTER, temper=LetsItRing())
    await switchboard.night.query("UPDATE responders SET mode = 'drill' WHERE code = 'daughter'")
    await switchboard.night.query("UPDATE households SET mode = 'drill'")
    incident = await switchboard.night.raises(mode="drill")
    asked = [
        await switchboard.ask(incident, who, channel=channel, sequence=sequence)
        for who in ("daughter", "son")
        for sequence, channel in enumerate(("voice", "sms"))
    ]
    await switchboard.start()
    for live in asked[2:]:
        await switchboard.becomes(live, "failed", "refused_by_provider")
    await switchboard.until_called(DAUGHTER)
    await switchboard.forward(40)
    await switchboard.becomes(asked[0], "failed", "no_answer")
    assert len(switchboard.network.messages_to(DAUGHTER)) == 1


async def test_without_a_provider_a_message_fails_at_once(switchboard: Switchboard) -> None:
    """So that the engine takes a channel that there is."""
    incident = await switchboard.night.raises()
    asked = [await switchboard.ask(incident, "daughter"), await switchboard.ask(incident, "son", channel="sms")]
    await switchboard.start(twilio=None)
    for one in asked:
        await switchboard.becomes(one, "failed", "refused_by_provider")


def test_a_lease_shorter_than_the_requests_under_it_is_refused(dsn: str) -> None:
    """Two senders would send the same."""
    webhook = {"secret": "0123456789abcdef", "timeout_s": 10}
    with pytest.raises(ValidationError, match=r"at least twice webhook\.timeout_s"):
        SenderConfig.model_validate({"dsn": dsn, "webhook": webhook, "lease_s": 19})
