"""A running system that is nobody's private stack: whether one may simulate on it, and what time it is there."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

import httpx

from simulator.errors import PlatformRefused, UnfitSystem
from simulator.phone.server import STAND_IN_HEADER
from simulator.platform import Deployed, Platform
from simulator.scenario import ProcessTrouble, Scenario

_READ_EVERY_S: Final = 2.0
_ASK_WITHIN_S: Final = 10.0


class PlatformClock:
    """The care time of a running system, as its interface tells it; carried on by the monotonic clock in between."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._anchor: tuple[datetime, float, float] | None = None

    async def refresh(self) -> Deployed:
        """Ask what time it is there. The answer is of some moment between question and answer: the middle is taken."""
        before_s = time.monotonic()
        told = await self._platform.deployed()
        self._anchor = (told.at, (before_s + time.monotonic()) / 2, told.care_speed)
        return told

    def now(self) -> datetime:
        """The present care time; :meth:`refresh` must have been called."""
        assert self._anchor is not None
        moment, mark_s, speed = self._anchor
        return moment + timedelta(seconds=(time.monotonic() - mark_s) * speed)

    async def sleep_until(self, moment: datetime) -> None:
        """Return once care time has reached ``moment``."""
        while (left_s := (moment - self.now()).total_seconds()) > 0:
            assert self._anchor is not None
            await asyncio.sleep(min(left_s / self._anchor[2], _READ_EVERY_S))


@asynccontextmanager
async def care_time_of(platform: Platform) -> AsyncIterator[PlatformClock]:
    """The clock of ``platform``, asked again every few seconds while entered."""
    clock = PlatformClock(platform)
    await clock.refresh()

    async def keep_reading() -> None:
        while True:
            await asyncio.sleep(_READ_EVERY_S)
            try:
                await clock.refresh()
            except PlatformRefused:
                continue  # it is being started again; the monotonic clock carries on

    reading = asyncio.create_task(keep_reading())
    try:
        yield clock
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def refuse(url: str, told: Deployed, scenario: Scenario) -> str:
    """Where the phone network of the system is. Raises UnfitSystem for a system that serves real people, one whose care
    time does not run as the scenario's, and a scenario that takes a private stack.
    """
    if told.deployment == "production":
        raise UnfitSystem(
            url,
            "it is in production: its homes are real, and its phones ring at people's. Set `deployment` to simulation "
            "in an installation of its own, with the stand-in as its provider",
        )
    if told.phone is None:
        raise UnfitSystem(url, "it has no phone network: set `twilio.base_url` to a stand-in (`carewatch stand-in`)")
    if told.care_speed != scenario.speed:
        raise UnfitSystem(
            url,
            f"its care time runs at speed {told.care_speed:g}, and {scenario.speed:g} was asked for: deadlines would "
            f"come too early or too late; say --speed {told.care_speed:g}",
        )
    if scenario.load is not None:
        raise UnfitSystem(url, f"{scenario.name} is a load, which takes a private stack: say --embedded")
    harmed = [trouble.process for trouble in scenario.troubles if isinstance(trouble, ProcessTrouble)]
    if harmed:
        raise UnfitSystem(
            url, f"{scenario.name} kills {', '.join(harmed)}, which takes a private stack: say --embedded"
        )
    return told.phone


async def refuse_real_phones(url: str, phone: str) -> None:
    """Raise UnfitSystem unless what is at ``phone`` says itself that it is a stand-in."""
    async with httpx.AsyncClient(timeout=_ASK_WITHIN_S, trust_env=False) as client:
        try:
            answer = await client.get(f"{phone}/")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnfitSystem(url, f"its phone network at {phone} does not answer here: {error!r}") from error
    if answer.headers.get(STAND_IN_HEADER) != "phone":
        raise UnfitSystem(url, f"its phone network at {phone} does not say that it is a stand-in")
