"""Clocks of stories and simulations."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from domain.clock import Clock
from simulator.clock import AcceleratedClock, HandSetClock
from simulator.errors import TimeWentBackwards

START = datetime(2026, 8, 1, 9, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


async def test_sleepers_wake_in_the_order_of_their_moments_and_see_exactly_that_moment() -> None:
    clock = HandSetClock(START)
    woken: list[tuple[str, datetime]] = []

    async def sleep(name: str, seconds: float) -> None:
        await clock.sleep_until(after(seconds))
        woken.append((name, clock.now()))

    async with asyncio.TaskGroup() as group:
        for name, seconds in (("late", 30), ("early", 10), ("never too soon", 10), ("now", 0)):
            group.create_task(sleep(name, seconds))
        await clock.advance(timedelta(minutes=1))

    assert woken == [("now", START), ("early", after(10)), ("never too soon", after(10)), ("late", after(30))]
    assert clock.now() == after(60)


async def test_who_goes_back_to_sleep_wakes_again_within_the_same_advance() -> None:
    clock = HandSetClock(START)
    ticks: list[datetime] = []

    async def tick() -> None:
        for _ in range(5):
            await clock.sleep_until(clock.now() + timedelta(seconds=10))
            ticks.append(clock.now())

    task = asyncio.create_task(tick())
    await clock.advance(timedelta(seconds=35))
    assert ticks == [after(10), after(20), after(30)]
    assert clock.next_due() == after(40)
    task.cancel()
    await asyncio.wait([task])
    assert clock.next_due() is None


async def test_the_clock_goes_on_only_when_all_are_at_rest_with_what_the_last_stop_set_going() -> None:
    clock = HandSetClock(START)
    work = {"engine": 0, "phones": 0}
    done: list[tuple[str, datetime]] = []

    async def engine_rests() -> bool:
        if not work["engine"]:
            return False
        work["engine"] -= 1
        work["phones"] += 1
        done.append(("engine", clock.now()))
        return True

    async def phones_rest() -> bool:
        if not work["phones"]:
            return False
        work["phones"] -= 1
        done.append(("phones", clock.now()))
        return True

    async def wake_the_engine() -> None:
        await clock.sleep_until(after(5))
        work["engine"] = 1

    clock.settle_with(phones_rest)
    clock.settle_with(engine_rests)
    waking = asyncio.create_task(wake_the_engine())
    await clock.advance(timedelta(seconds=20))
    await waking
    assert done == [("engine", after(5)), ("phones", after(5))]


async def test_a_hand_set_clock_does_not_go_backwards() -> None:
    clock = HandSetClock(START)
    with pytest.raises(TimeWentBackwards, match="cannot go back"):
        await clock.advance_to(after(-1))


async def test_an_accelerated_clock_lets_an_hour_pass_in_a_moment() -> None:
    clock = AcceleratedClock(speed=360_000, start=START)
    await clock.sleep_until(after(3600))
    assert clock.now() >= after(3600)


def test_an_accelerated_clock_refuses_to_stand_still() -> None:
    with pytest.raises(ValueError, match="above 0"):
        AcceleratedClock(speed=0)


def test_both_are_clocks_of_care_time() -> None:
    clocks: tuple[Clock, ...] = (HandSetClock(START), AcceleratedClock())
    assert all(clock.now().utcoffset() == timedelta(0) for clock in clocks)
