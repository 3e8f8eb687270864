"""Scenarios: what a simulation does, written down as data. The files that come with the project are in ``scenarios/``.

The models are what docs/simulator.md documents and ``carewatch simulate --schema`` prints. They are pydantic because a
file is data that has not yet been believed.
"""

from datetime import datetime, timezone
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from simulator.causes.planning import Wish
from simulator.causes.truth import ROOM_S, CauseKind
from simulator.errors import BadScenario
from simulator.fleet.outfit import Shares
from simulator.lives.day import LOCAL
from simulator.lives.people import Life
from simulator.phone.faults import FaultKind, Resource

Share = Annotated[float, Field(ge=0, le=1)]
Hour = Annotated[float, Field(ge=0, le=24 * 31, description="Hours of care time since the scenario began.")]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fleet(_Form):
    """Which devices the homes have, and how these misbehave."""

    zigbee2mqtt: Annotated[Share, Field(description="Homes whose sensors stand behind a Zigbee gateway.")] = 0.2
    owntracks: Annotated[Share, Field(description="Residents whose phone runs OwnTracks.")] = 0.25
    wrong_clock: Annotated[Share, Field(description="Devices whose clock is off, by minutes or by years.")] = 0.02
    duplicates: Annotated[Share, Field(description="Messages that are sent twice.")] = 0.0
    reordered: Annotated[Share, Field(description="Messages that arrive behind the next one of their device.")] = 0.0
    garbage_a_day: Annotated[float, Field(ge=0, le=1000, description="Meaningless messages of a home in a day.")] = 0.0
    flaps_a_day: Annotated[float, Field(ge=0, le=1000, description="Short losses of connection of a home a day.")] = 0.0

    @property
    def shares(self) -> Shares:
        """What decides how homes are equipped."""
        return Shares(zigbee2mqtt=self.zigbee2mqtt, owntracks=self.owntracks, wrong_clock=self.wrong_clock)


class Emergencies(_Form):
    """So many emergencies of a kind; ``count`` is for the scenario's own number of homes and grows with it."""

    kind: CauseKind
    count: Annotated[int, Field(ge=1, le=10_000)]
    from_h: Hour = 0.0
    until_h: Hour | None = None


class Responders(_Form):
    """A share of the people who can be called, and what they do when it rings."""

    share: Annotated[float, Field(gt=0, le=1)]
    does: Literal["accepts", "declines", "hangs_up", "lets_it_ring", "busy", "unreachable", "voicemail"]
    median_s: Annotated[float, Field(gt=0, le=120, description="Half of them pick up within this time.")] = 8.0
    spread: Annotated[float, Field(ge=0, le=2, description="Standard deviation of its logarithm.")] = 0.4


class Journey(_Form):
    """From acceptance to arrival, and from there to the end."""

    median_s: Annotated[float, Field(gt=0, le=7200)] = 480.0
    spread: Annotated[float, Field(ge=0, le=2)] = 0.5
    on_scene_s: Annotated[float, Field(gt=0, le=7200, description="Median.")] = 900.0


class ProviderTrouble(_Form):
    """The phone network's interface fails for a while."""

    kind: Literal["provider"]
    at_h: Hour
    for_s: Annotated[float, Field(gt=0, le=86400, description="Care time.")]
    fault: FaultKind
    only: Resource | None = None
    delay_s: Annotated[float, Field(ge=0, le=60, description="Of `slow`; machine time.")] = 5.0
    status: Annotated[int, Field(ge=400, le=599, description="Of `server_error`.")] = 500


class CallBackTrouble(_Form):
    """Call-backs of the phone network come twice, late, in the wrong order, forged, or not at all."""

    kind: Literal["call_backs"]
    at_h: Hour
    for_s: Annotated[float, Field(gt=0, le=86400)]
    repeats: Annotated[int, Field(ge=0, le=10)] = 0
    late_s: Annotated[float, Field(ge=0, le=600)] = 0.0
    reverse: bool = False
    forged: bool = False
    lost: bool = False


class ProcessTrouble(_Form):
    """A process of a private stack is killed, or stopped for a while and continued."""

    kind: Literal["process"]
    at_h: Hour
    process: Annotated[str, Field(min_length=1, description="As `carewatch up` names it: `nats-server`, `postgres` …")]
    for_s: Annotated[
        float, Field(ge=0, le=600, description="0: kill -9; above: stopped for so long, in machine time.")
    ] = 0.0


class ReconnectStorm(_Form):
    """A share of all connections breaks at once, and everybody comes back."""

    kind: Literal["reconnect_storm"]
    at_h: Hour
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    back_within_s: Annotated[float, Field(ge=0, le=600, description="Machine time.")] = 5.0


Trouble = Annotated[ProviderTrouble | CallBackTrouble | ProcessTrouble | ReconnectStorm, Field(discriminator="kind")]


class Phase(_Form):
    """A part of a load: an open-loop schedule, in real time."""

    kind: Literal["ramp_up", "steady", "burst", "reconnect_storm"]
    for_s: Annotated[float, Field(gt=0, le=3600)]
    telemetry_per_s: Annotated[float, Field(ge=0, le=1e6, description="At the end of the phase.")]
    alarms_per_s: Annotated[float, Field(ge=0, le=1e5)] = 0.0


class Load(_Form):
    """A city under load: no lives, but many connections and planned send times."""

    devices: Annotated[int, Field(ge=1, le=200_000)]
    connects_per_s: Annotated[float, Field(gt=0, le=20_000)] = 500.0
    phases: Annotated[list[Phase], Field(min_length=1)]


class Scenario(_Form):
    """Everything that a simulation is told."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
    about: Annotated[str, Field(min_length=1, max_length=500)]
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 1
    begins: AwareDatetime = datetime(2026, 3, 4, tzinfo=timezone(LOCAL))
    lasts_h: Annotated[float, Field(gt=0, le=24 * 31)]
    homes: Annotated[int, Field(ge=1, le=100_000)]
    speed: Annotated[float, Field(gt=0, le=1000, description="Seconds of care time in a second.")] = 1.0
    lives: dict[Life, Share] = {Life.LIVING_ALONE: 0.5, Life.COUPLE: 0.25, Life.FRAIL: 0.15, Life.DEMENTIA: 0.1}
    fleet: Fleet = Fleet()
    emergencies: list[Emergencies] = []
    responders: list[Responders] = [Responders(share=1.0, does="accepts")]
    journey: Journey = Journey()
    troubles: list[Trouble] = []
    load: Load | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not sum(self.lives.values()) > 0:
            raise ValueError("lives must have a share above 0")
        total = sum(one.share for one in self.responders)
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the shares of responders must add up to 1, not {total:g}")
        late = [trouble.kind for trouble in self.troubles if trouble.at_h > self.lasts_h]
        if late:
            raise ValueError(f"troubles must begin within lasts_h = {self.lasts_h:g}: {', '.join(late)} do not")
        return self

    def changed(self, **changes: Any) -> "Scenario":
        """This scenario with other values; what would begin after a shorter end is left out. Raises BadScenario."""
        lasts_h = changes.get("lasts_h", self.lasts_h)
        kept = {
            "emergencies": [one for one in self.emergencies if one.from_h < lasts_h],
            "troubles": [one for one in self.troubles if one.at_h < lasts_h],
        }
        return _validated({**self.model_dump(), **_plain(kept), **changes}, self.name)

    @property
    def start(self) -> float:
        """When it begins: epoch seconds of care time."""
        return self.begins.timestamp()

    @property
    def end(self) -> float:
        """When it ends."""
        return self.start + self.lasts_h * 3600

    def moment(self, hour: float) -> float:
        """``hour`` hours after the beginning, as epoch seconds."""
        return self.start + hour * 3600

    def wishes(self, homes: int) -> list[Wish]:
        """The emergencies for ``homes`` homes: in proportion, at least one of each kind that can still be noticed."""
        wishes = []
        for one in self.emergencies:
            latest = self.end - ROOM_S.get(one.kind, 0.0)
            until = latest if one.until_h is None else min(latest, self.moment(one.until_h))
            if until > self.moment(one.from_h):
                count = max(1, round(one.count * homes / self.homes))
                wishes.append(Wish(kind=one.kind, count=count, start=self.moment(one.from_h), end=until))
        return wishes


_FOLDER: Final = resources.files("simulator") / "scenarios"


def shipped() -> list[str]:
    """Names of the scenarios that come with the project."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _FOLDER.iterdir() if entry.name.endswith(".yaml"))


def load(name: str) -> Scenario:
    """The scenario ``name``: one that comes with the project, or the path of a YAML file. Raises BadScenario."""
    if name in shipped():
        return read((_FOLDER / f"{name}.yaml").read_text("utf-8"), f"{name}.yaml")
    path = Path(name)
    if not path.is_file():
        allowed = f"a file, or one of {', '.join(shipped())}"
        raise BadScenario([f"{name}: scenario: {name!r} is not there; allowed: {allowed}"])
    return read(path.read_text("utf-8"), str(path))


def read(text: str, file: str) -> Scenario:
    """The scenario in ``text``. Raises BadScenario, with every fault: file, field, value, what is allowed."""
    try:
        written = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadScenario([f"{file}: not YAML: {' '.join(str(error).split())}"]) from error
    return _validated(written, file)


def _plain(kept: dict[str, Any]) -> dict[str, Any]:
    return {name: [one.model_dump() for one in forms] for name, forms in kept.items()}


def _validated(written: Any, file: str) -> Scenario:
    try:
        return Scenario.model_validate(written)
    except ValidationError as error:
        raise BadScenario([f"{file}: {_fault(one)}" for one in error.errors(include_url=False)]) from error


def _fault(error: Any) -> str:
    field = ".".join(map(str, error["loc"])) or "the whole"
    given = "" if error["type"] == "missing" or not error["loc"] else f"{_short(error['input'])!r}: "
    return f"{field}: {given}{error['msg']}"


def _short(value: object) -> object:
    return value if len(repr(value)) <= 100 else f"{repr(value)[:100]}…"
