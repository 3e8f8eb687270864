"""Enrolled nouns as the interface shows them: the written form, and what the platform knows about the record."""

from datetime import datetime
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from domain import written

_READ_ONLY: Final = {"version", "retired_at"}

R = TypeVar("R", bound=BaseModel)


class Page(BaseModel, Generic[R]):
    """A part of a list, in order."""

    items: list[R]
    next: Annotated[str | None, Field(description="Send it as `cursor` for what follows; null at the end.")] = None


class Kept(written.Form):
    """What every record has beside its form. A body may repeat these as they were read; they change nothing."""

    version: Annotated[
        int | None,
        Field(description="Counts the changes; the ETag says it, too.", json_schema_extra={"readOnly": True}),
    ] = None
    retired_at: Annotated[
        datetime | None, Field(description="Out of use since then.", json_schema_extra={"readOnly": True})
    ] = None

    def record(self) -> dict[str, Any]:
        """The written form alone, as JSON values."""
        return self.model_dump(mode="json", exclude=_READ_ONLY)


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [fields]})


class Organisation(Kept, written.Organisation):
    """An organisation of the tree."""

    model_config = _example(
        code="heping", kind="community", name="和平村", parent="qinghe", timezone="Asia/Shanghai", language="zh-CN"
    )


class Household(Kept, written.Household):
    """A home."""

    model_config = _example(
        code="home-1",
        organisation="heping",
        mode="live",
        community="和平村",
        address="三组12号",
        access_notes="钥匙在东邻李家",
        lat=36.0001,
        lon=114.0,
    )


class Resident(Kept, written.Resident):
    """Who is watched over."""

    model_config = _example(
        code="zhang-1",
        household="home-1",
        surname="张",
        given_name="秀兰",
        sex="female",
        born_on="1942-05-01",
        categories=["living_alone"],
        language="zh-CN",
        phone="+8613900000010",
        state="home",
    )


class Responder(Kept, written.Responder):
    """Who is called, and how."""

    model_config = _example(
        code="daughter-1",
        organisation="heping",
        name="张丽",
        language="zh-CN",
        mode="live",
        contacts=[
            {"channel": "voice", "address": "+8613900000001", "rank": 0},
            {"channel": "sms", "address": "+8613900000001", "rank": 1},
        ],
    )


class DeviceModel(Kept, written.DeviceModel):
    """A kind of device."""

    model_config = _example(model="button-x", kind="call_button", protocol="native", silent_after_s=90000)


class Device(Kept, written.Device):
    """A device."""

    model_config = _example(
        device_id="button-1", cell="qinghe", model="button-x", household="home-1", resident="zhang-1", room="卧室"
    )
