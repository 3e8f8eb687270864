"""Device models: what a kind of device is, how it speaks, how long it may be silent. They belong to everybody."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from api.access import REFUSALS, Manager, Reader
from api.enrolment import Enrolment
from api.paging import Window
from api.problems import Forbidden
from api.records import DeviceModel, Page
from api.services import Services
from api.versions import Exchange
from devices.model import DeviceKind
from domain import written
from store.accounts import at_the_top
from store.registry import Noun

Model = Annotated[written.ModelName, Path(description="The name of the model.", examples=["button-x"])]
OfKind = Annotated[DeviceKind | None, Query(description="Only those of this kind.")]


def router(services: Services) -> APIRouter:
    """``/api/v1/device-models``."""
    routes = APIRouter(prefix="/api/v1/device-models", tags=["devices"], responses=REFUSALS)
    enrolment = Enrolment(services)

    @routes.get("", summary="List device models")
    async def listed(actor: Reader, window: Annotated[Window, Depends()], kind: OfKind = None) -> Page[DeviceModel]:
        return await enrolment.page(actor, Noun.DEVICE_MODELS, DeviceModel, window, kind=kind)

    @routes.get("/{model}", summary="Read a device model")
    async def one(model: Model, actor: Reader, exchange: Annotated[Exchange, Depends()]) -> DeviceModel:
        return await enrolment.one(actor, Noun.DEVICE_MODELS, DeviceModel, model, exchange)

    @routes.put(
        "/{model}",
        summary="Create or replace a device model; for organisations at the top only",
        responses={201: {"model": DeviceModel}},
    )
    async def put(
        model: Model, body: DeviceModel, actor: Manager, exchange: Annotated[Exchange, Depends()]
    ) -> DeviceModel:
        async with services.database.transaction() as connection:
            if not await at_the_top(connection, actor):
                raise Forbidden("a device model belongs to everybody: it takes a key of an organisation at the top")
        return await enrolment.put(actor, Noun.DEVICE_MODELS, model, body, exchange)

    return routes
