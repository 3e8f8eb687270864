"""The troubles of a scenario at their moments: provider, call-backs, processes, storms of reconnects."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from domain.clock import Clock
from simulator.fleet.fleet import Fleet
from simulator.phone.faults import Fault, Mischief
from simulator.phone.remote import RemotePhone
from simulator.scenario import CallBackTrouble, ProcessTrouble, ProviderTrouble, ReconnectStorm, Scenario, Trouble

Handyman = Callable[[str, float], Awaitable[None]]
"""Kills a process of the platform by name (0 s), or stops it for some seconds of machine time and lets it go on."""


class Troublemaker:
    """Makes the troubles of a scenario."""

    def __init__(self, scenario: Scenario, clock: Clock, fleet: Fleet, phone: RemotePhone, handyman: Handyman) -> None:
        self._scenario = scenario
        self._clock = clock
        self._fleet = fleet
        self._phone = phone
        self._handyman = handyman
        self._faults: list[Fault] = []

    async def run(self, troubles: Sequence[Trouble]) -> None:
        """Make each at its moment; return when the last one is over."""
        async with asyncio.TaskGroup() as tasks:
            for trouble in troubles:
                tasks.create_task(self._make(trouble))

    async def _make(self, trouble: Trouble) -> None:
        begins = self._scenario.moment(trouble.at_h)
        await self._until(begins)
        match trouble:
            case ProviderTrouble():
                await self._provider(trouble, begins)
            case CallBackTrouble():
                await self._phone.set_mischief(
                    Mischief(
                        repeats=trouble.repeats,
                        late_s=trouble.late_s,
                        reverse=trouble.reverse,
                        forged=trouble.forged,
                        lost=trouble.lost,
                    )
                )
                await self._until(begins + trouble.for_s)
                await self._phone.set_mischief(Mischief())
            case ProcessTrouble():
                await self._handyman(trouble.process, trouble.for_s)
            case ReconnectStorm():
                self._fleet.storm(trouble.share, trouble.back_within_s)

    async def _provider(self, trouble: ProviderTrouble, begins: float) -> None:
        fault = Fault(kind=trouble.fault, on=trouble.only, delay_s=trouble.delay_s, status=trouble.status)
        self._faults.append(fault)
        await self._phone.set_faults(self._faults)
        await self._until(begins + trouble.for_s)
        self._faults.remove(fault)
        await self._phone.set_faults(self._faults)

    async def _until(self, moment: float) -> None:
        await self._clock.sleep_until(datetime.fromtimestamp(moment, UTC))
