"""The registry in memory: whose a topic is, without asking the database for every message.

It may lag behind by as much as the lane's interval, but nobody is called unknown before it has been asked for again.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import aclosing

from devices.model import Protocol
from ingest.topics import Kind, Route
from store import devices
from store.devices import Device, Organisation
from store.pool import Database


class Registry:
    """Devices by id and by address, and who answers for a cell. ``version`` rises with every change."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._refreshing = asyncio.Lock()
        self._horizon: str | None = None
        self._by_key: dict[int, Device] = {}
        self._by_id: dict[str, Device] = {}
        self._by_address: dict[str, Device] = {}
        self._by_cell: dict[str, int] = {}
        self._top: int | None = None
        self.version = 0

    def __len__(self) -> int:
        return len(self._by_key)

    async def refresh(self) -> None:
        """Take over what has changed since the last call; at first, everything. Raises :class:`StoreError`."""
        async with self._refreshing, self._database.transaction() as connection:
            horizon = await devices.horizon(connection)
            async with aclosing(devices.known(connection, since=self._horizon)) as pieces:
                async for changed in pieces:
                    self.take_over(changed)
            self.settle(await devices.organisations(connection))
            self._horizon = horizon

    def take_over(self, changed: Iterable[Device]) -> None:
        """These devices are new, or others than they were."""
        for device in changed:
            self._take(device)

    def settle(self, organisations: Sequence[Organisation]) -> None:
        """These, in order of id, are all who answer for a cell or stand at the top."""
        self._by_cell = {one.cell: one.id for one in organisations if one.cell is not None}
        self._top = next((one.id for one in organisations if one.top), None)

    def _take(self, device: Device) -> None:
        before = self._by_key.get(device.key)
        if before == device:
            return
        self.version += 1
        if before is not None:
            self._by_id.pop(before.device_id, None)
            if before.address is not None and self._by_address.get(before.address) is before:
                del self._by_address[before.address]
        self._by_key[device.key] = device
        self._by_id[device.device_id] = device
        if device.address is not None:
            self._by_address[device.address] = device

    def devices(self) -> list[Device]:
        """All that are registered."""
        return list(self._by_key.values())

    def device(self, route: Route) -> Device | None:
        """The device that ``route`` speaks for, if it is registered."""
        if route.kind is Kind.FOREIGN:
            return self._by_address.get(route.name)
        return self._by_id.get(route.name) if route.protocol is Protocol.NATIVE else None

    def at_address(self, address: str) -> Device | None:
        """The device of a foreign protocol that is registered at ``address``."""
        return self._by_address.get(address)

    def behind(self, gateway: Device) -> list[Device]:
        """The devices whose addresses lie below the base topic of ``gateway``."""
        base = (gateway.address or "").rpartition("/")[0]
        return [one for address, one in self._by_address.items() if base and address.startswith(f"{base}/")]

    def answering_for(self, cell: str | None) -> int | None:
        """The organisation of ``cell``; for a cell that nobody has the top one (of several the first); else None."""
        return self._by_cell.get(cell or "", self._top)
