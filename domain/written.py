"""Written forms: how people, homes, circles, rosters and devices are written down by whoever enrols them.

One model for each noun, shared by the REST interface and by imports, so that both refuse the same things with the same
words. They read text as well as typed values, because a spreadsheet holds little else. They are the only pydantic
models of the domain: a form is data that has not yet been believed.
"""

from datetime import UTC, date, datetime, time
from typing import Annotated, Any, ClassVar, Final, Literal, Protocol, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from devices.model import DeviceKind
from devices.model import Protocol as DeviceProtocol
from domain.boundary import MOST_POSITIONS, read_boundary
from domain.consent import ConsentPurpose, Recipient
from domain.people import (
    ChannelName,
    Circle,
    Language,
    Mode,
    OrganisationKind,
    ResidentCategory,
    ResidentState,
    phone_fault,
)

CODE_PATTERN: Final = r"^[A-Za-z0-9_-]{1,64}$"
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_EARLIEST_BIRTH: Final = date(1880, 1, 1)


def _callable_number(number: str) -> str:
    fault = phone_fault(number)
    if fault is not None:
        raise ValueError(fault)
    return number


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be a time zone of the IANA database, as in Asia/Shanghai") from None
    return name


def _within_reason(moment: datetime) -> datetime:
    if not EARLIEST <= moment < LATEST:
        raise ValueError(f"must lie between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}")
    return moment.astimezone(UTC)


def _local(moment: time) -> time:
    if moment.tzinfo is not None:
        raise ValueError("must be local to the organisation, without an offset, as in 08:00")
    return moment


def _of_two_digits(written: Any) -> Any:
    return f"0{written}" if isinstance(written, str) and written[1:2] == ":" else written


def _of_living_memory(day: date) -> date:
    if not _EARLIEST_BIRTH <= day < LATEST.date():
        raise ValueError(f"must lie between {_EARLIEST_BIRTH} and {LATEST:%Y-%m-%d}")
    return day


def _member_circle(circle: Circle) -> Circle:
    if circle is Circle.RESIDENT:
        raise ValueError("must be another circle: the resident herself has no members")
    return circle


def _duty_circle(circle: Circle) -> Circle:
    if circle.of_household:
        raise ValueError("must be a circle with duties: grid_workers, village_cadres, care_service or duty_desk")
    return circle


Code = Annotated[str, StringConstraints(pattern=CODE_PATTERN)]
"""What a record is known by, also as a level of a topic."""
ModelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]
"""One line of text, without control characters."""
OptionalLine = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Lines = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=2000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"),
]
Phone = Annotated[
    str,
    StringConstraints(pattern=r"^\+[0-9]{7,15}$"),
    AfterValidator(_callable_number),
    Field(description="E.164. Emergency numbers and short codes are refused.", examples=["+8613900000001"]),
]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="Degrees, WGS-84.")]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, description="Degrees, WGS-84.")]
Boundary = Annotated[
    dict[str, Any],
    BeforeValidator(read_boundary),
    Field(
        description=f"GeoJSON: a Polygon or MultiPolygon of closed rings, at most {MOST_POSITIONS} positions in all,"
        " longitude before latitude. Kept in WGS-84: what was drawn on another map says so in a member `datum`"
        " (`gcj02`, `bd09`) and is converted.",
        examples=[
            {"type": "Polygon", "coordinates": [[[114.0, 36.0], [114.01, 36.0], [114.01, 36.01], [114.0, 36.0]]]},
        ],
    ),
]
Timezone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_known_timezone)]
Moment = Annotated[AwareDatetime, AfterValidator(_within_reason)]
"""A moment with an offset; kept as UTC."""
LocalTime = Annotated[time, BeforeValidator(_of_two_digits), AfterValidator(_local)]
BirthDay = Annotated[date, AfterValidator(_of_living_memory)]
Rank = Annotated[int, Field(ge=0, le=1000, description="Lower is asked first.")]
MemberCircle = Annotated[Circle, AfterValidator(_member_circle)]
DutyCircle = Annotated[Circle, AfterValidator(_duty_circle)]


class Form(BaseModel):
    """What every written form has: a ``key`` of fields that tells one record from another, and ``references`` from
    fields to the noun whose code stands in them.
    """

    model_config = ConfigDict(extra="forbid")

    key: ClassVar[tuple[str, ...]] = ("code",)
    references: ClassVar[dict[str, str]] = {}

    def record(self) -> dict[str, Any]:
        """The form as JSON values, every field stated."""
        return self.model_dump(mode="json")


class _Somewhere(Protocol):
    lat: float | None
    lon: float | None


_S = TypeVar("_S", bound=_Somewhere)


def _both_or_none(form: _S) -> _S:
    if (form.lat is None) != (form.lon is None):
        raise ValueError("lat and lon must both be given, or neither")
    return form


class Organisation(Form):
    """A city, county, town, community or grid: the tree that everything is scoped by."""

    references = {"parent": "organisations"}

    code: Code
    kind: OrganisationKind
    name: Line
    parent: Code | None = None
    cell: Annotated[Code | None, Field(description="The area code that devices are provisioned into.")] = None
    timezone: Timezone = "Asia/Shanghai"
    language: Language = Language.ZH
    lat: Latitude | None = None
    lon: Longitude | None = None
    boundary: Boundary | None = None

    _place = model_validator(mode="after")(_both_or_none)


class Household(Form):
    """A home."""

    references = {"organisation": "organisations"}

    code: Code
    organisation: Code
    mode: Annotated[Mode, Field(description="`drill`: nobody real is ever called.")] = Mode.LIVE
    community: Annotated[Line, Field(description="Said to responders before they accept.")]
    address: Annotated[Line, Field(description="Said only after somebody has accepted.")]
    access_notes: Annotated[Lines, Field(description="Where the key is; said only after acceptance.")] = ""
    phone: Phone | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None

    _place = model_validator(mode="after")(_both_or_none)


class Resident(Form):
    """Who is watched over."""

    references = {"household": "households"}

    code: Code
    household: Code
    surname: Line
    given_name: OptionalLine = ""
    sex: Literal["female", "male"] | None = None
    born_on: BirthDay | None = None
    categories: Annotated[list[ResidentCategory], Field(max_length=len(ResidentCategory), default_factory=list)]
    language: Language = Language.ZH
    phone: Phone | None = None
    state: ResidentState = ResidentState.HOME
    state_until: Moment | None = None


class Consent(Form):
    """A resident, or her guardian, allows a recipient a purpose."""

    key = ("resident", "purpose", "recipient", "given_by", "valid_from")
    references = {"resident": "residents"}

    resident: Code
    purpose: ConsentPurpose
    recipient: Recipient
    given_by: Literal["resident", "guardian"]
    valid_from: Moment
    valid_until: Moment | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_until is not None and self.valid_until <= self.valid_from:
            raise ValueError("valid_until must come after valid_from")
        return self


class Contact(Form):
    """A way to reach a responder. ``voice`` and ``sms`` take a phone number, ``webhook`` an http(s) URL."""

    key = ("channel", "address")

    channel: ChannelName
    address: Line
    rank: Rank = 0

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.channel in (ChannelName.VOICE, ChannelName.SMS):
            _callable_number(self.address)
        if self.channel is ChannelName.WEBHOOK and not self.address.startswith(("http://", "https://")):
            raise ValueError("the address of a webhook must begin with https:// or http://")
        return self


class Responder(Form):
    """Who is called, and how."""

    references = {"organisation": "organisations"}

    code: Code
    organisation: Code
    name: Line
    language: Language = Language.ZH
    mode: Annotated[Mode, Field(description="`drill`: called for drills only.")] = Mode.LIVE
    contacts: Annotated[
        list[Contact],
        Field(max_length=20, default_factory=list, description="All of them: one that is not here is struck off."),
    ]

    @model_validator(mode="after")
    def _each_once_in_order(self) -> Self:
        self.contacts.sort(key=lambda contact: (contact.rank, contact.channel, contact.address))
        ways = [(contact.channel, contact.address) for contact in self.contacts]
        if len(set(ways)) < len(ways):
            raise ValueError("contacts must not name the same channel and address twice")
        return self


class CircleMember(Form):
    """Somebody who belongs to the care circle of a home, or to a circle of an organisation."""

    key = ("household", "organisation", "circle", "responder")
    references = {"household": "households", "organisation": "organisations", "responder": "responders"}

    household: Code | None = None
    organisation: Code | None = None
    circle: MemberCircle
    responder: Code
    rank: Rank = 0
    relation: Annotated[OptionalLine, Field(description="In the resident's words.", examples=["daughter"])] = ""

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        if (self.household is None) == (self.organisation is None):
            raise ValueError("either household or organisation must be given, not both")
        if (self.household is not None) != self.circle.of_household:
            raise ValueError(
                "children and kin_neighbours belong to a household; grid_workers, village_cadres, care_service and"
                " duty_desk to an organisation"
            )
        return self


class Shift(Form):
    """A weekly duty; one that ends at or before its start runs into the next day."""

    key = ("organisation", "circle", "responder", "weekday", "starts")
    references = {"organisation": "organisations", "responder": "responders"}

    organisation: Code
    circle: DutyCircle
    responder: Code
    weekday: Annotated[int, Field(ge=0, le=6, description="0 is Monday.")]
    starts: Annotated[LocalTime, Field(examples=["08:00:00"])]
    ends: Annotated[LocalTime, Field(examples=["20:00:00"])]


class RosterOverride(Form):
    """An exception to the weekly shifts."""

    key = ("organisation", "circle", "responder", "starts_at")
    references = {"organisation": "organisations", "responder": "responders"}

    organisation: Code
    circle: DutyCircle
    responder: Code
    starts_at: Moment
    ends_at: Moment
    on_duty: bool

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at must come after starts_at")
        return self


class DeviceModel(Form):
    """A kind of device as its maker sells it."""

    key = ("model",)

    model: ModelName
    kind: DeviceKind
    protocol: DeviceProtocol
    silent_after_s: Annotated[
        float,
        Field(
            ge=20,
            le=32 * 86400,
            allow_inf_nan=False,
            description="Silence longer than this is an incident. Source: supervision classes of EN 50136-1.",
        ),
    ]


class Device(Form):
    """A device, provisioned into a cell, perhaps bound to a home and to somebody in it."""

    key = ("device_id",)
    references = {"model": "device_models", "household": "households", "resident": "residents"}

    device_id: Code
    cell: Code
    model: ModelName
    address: Annotated[
        Line | None, Field(description="Of foreign protocols: the topic without its variable end; native has none.")
    ] = None
    household: Code | None = None
    resident: Code | None = None
    mode: Annotated[
        Mode | None, Field(description="Of a device without a home; one with a home has the home's, and null here.")
    ] = None
    room: OptionalLine = ""

    @model_validator(mode="after")
    def _bound_whole(self) -> Self:
        if self.resident is not None and self.household is None:
            raise ValueError("a device of a resident needs her household, too")
        if self.household is not None:
            self.mode = None
        elif self.mode is None:
            self.mode = Mode.LIVE
        return self
