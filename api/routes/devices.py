"""Devices: registered, bound to a home, moved, retired; and the password that each has at the broker."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from api.access import REFUSALS, Manager, Reader
from api.enrolment import Enrolment
from api.paging import Window
from api.problems import Conflict
from api.records import Device, Page
from api.services import Services
from api.versions import Exchange
from domain import written
from store import audit
from store.credentials import new_credential, set_credentials
from store.registry import Noun

DeviceId = Annotated[written.Code, Path(description="The id of the device.", examples=["button-1"])]
InCell = Annotated[written.Code | None, Query(description="Only those of this cell.")]
OfModel = Annotated[written.ModelName | None, Query(description="Only those of this model.")]
Home = Annotated[written.Code | None, Query(description="Only those of this household.")]
Wearer = Annotated[written.Code | None, Query(description="Only those of this resident.")]
Bound = Annotated[bool | None, Query(description="Only those with a home, or only those without.")]


class NewPassword(BaseModel):
    """The password of a device at the broker, shown this once; the user name is the id of the device."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"device_id": "button-1", "password": "Xq0nJm3u5b1k8Zr2tVwYc4Ea"}]}
    )

    device_id: str
    password: Annotated[str, Field(description="Not kept and not shown again.")]


def router(services: Services) -> APIRouter:
    """``/api/v1/devices``."""
    routes = APIRouter(prefix="/api/v1/devices", tags=["devices"], responses=REFUSALS)
    enrolment = Enrolment(services)

    @routes.get("", summary="List devices")
    async def listed(
        actor: Reader,
        window: Annotated[Window, Depends()],
        cell: InCell = None,
        model: OfModel = None,
        household: Home = None,
        resident: Wearer = None,
        bound: Bound = None,
    ) -> Page[Device]:
        return await enrolment.page(
            actor,
            Noun.DEVICES,
            Device,
            window,
            cell=cell,
            model=model,
            household=household,
            resident=resident,
            bound=bound,
        )

    @routes.get("/{device_id}", summary="Read a device")
    async def one(device_id: DeviceId, actor: Reader, exchange: Annotated[Exchange, Depends()]) -> Device:
        return await enrolment.one(actor, Noun.DEVICES, Device, device_id, exchange)

    @routes.put(
        "/{device_id}", summary="Register a device, bind it to a home, or move it", responses={201: {"model": Device}}
    )
    async def put(
        device_id: DeviceId, body: Device, actor: Manager, exchange: Annotated[Exchange, Depends()]
    ) -> Device:
        return await enrolment.put(actor, Noun.DEVICES, device_id, body, exchange)

    @routes.delete("/{device_id}", status_code=204, summary="Retire a device; its password is void")
    async def retire(device_id: DeviceId, actor: Manager, exchange: Annotated[Exchange, Depends()]) -> None:
        await enrolment.retire(actor, Noun.DEVICES, device_id, exchange)

    @routes.post(
        "/{device_id}/password",
        status_code=201,
        summary="Give a device a new password at the broker",
        description="It counts once the broker's users are written anew (`carewatch devices broker-users`).",
    )
    async def password(device_id: DeviceId, actor: Manager, exchange: Annotated[Exchange, Depends()]) -> NewPassword:
        await enrolment.one(actor, Noun.DEVICES, Device, device_id, exchange)
        credential = new_credential(device_id)
        async with services.database.transaction() as connection:
            given = await set_credentials(connection, [credential])
            if device_id not in given:
                raise Conflict(f"device {device_id} is retired; a PUT takes it back into use")
            await audit.record(
                connection, actor.id, "password", Noun.DEVICES.value, [device_id], now=services.clock.now()
            )
        return NewPassword(device_id=device_id, password=credential.password)

    return routes
