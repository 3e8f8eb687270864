"""OwnTracks: positions of phones (and of trackers behind its gateways) as JSON over MQTT.

The ``_type`` of a message decides, not its topic. OwnTracks raises no alarms: whether someone has wandered is judged by
our own geofence rule over the positions.

Source: OwnTracks Booklet, "JSON" (docs/tech/json.md); captured messages in the project's device samples.
"""

from collections.abc import Callable, Mapping
from typing import Any

from devices import loose_json
from devices.errors import Undecodable
from devices.model import Decoded, Presence, Reading
from devices.quantities import gather, moment, number, show

KMH_PER_MPS = 3.6

_SUFFIXES = frozenset(
    {"event", "waypoint", "waypoints", "step", "status", "beacon", "info", "cmd", "request", "lwt", "dump"}
)
_PICTURES = ("image", "face")
"""Base64 pictures beside a point of interest or a card: large, and not a measurement."""


def address_of(topic: str) -> str:
    """The device's own topic: ``owntracks/<user>/<device>``, whatever is appended to it."""
    base, _, last = topic.rpartition("/")
    address = base if last in _SUFFIXES and base.count("/") >= 2 else topic
    if address.count("/") < 2:
        raise Undecodable("bad_topic", f"{ascii(topic)[:200]} is not base/user/device")
    return address


def may_alarm(topic: str) -> bool:
    """Never, whatever the topic: OwnTracks has no alarm."""
    return False


def decode(topic: str, payload: bytes) -> Decoded:
    """What an OwnTracks message says, on whatever topic; an empty payload only removes a retained message.

    Raises Undecodable ``not_json``, ``not_an_object``, ``unknown_type``, or ``encrypted`` for payloads that only the
    app can read.
    """
    if not payload:
        return Decoded()
    faults: list[str] = []
    sent = loose_json.parse(payload, faults)
    if not isinstance(sent, dict):
        raise Undecodable("not_an_object", f"the message is {show(sent)}")
    kind = sent.pop("_type", None)
    if kind == "encrypted":
        raise Undecodable("encrypted", "the payload is encrypted by the app; turn payload encryption off, use TLS")
    read = _TYPES.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise Undecodable("unknown_type", f"_type is {show(kind)}, not one of {', '.join(_TYPES)}")
    for picture in _PICTURES:
        sent.pop(picture, None)
    return read(sent, faults)


def _location(sent: dict[str, Any], faults: list[str]) -> Decoded:
    measured = _position(sent, faults)
    speed = number(sent.get("vel"))
    if speed is not None:
        del sent["vel"]
        measured["speed_mps"] = speed / KMH_PER_MPS if speed >= 0 else None  # -1: unknown
    battery = sent.pop("batt", None)
    measured["battery_pct"] = None if number(battery) == -1 else battery  # -1: unknown
    measured["charging"] = _CHARGING.get(number(sent.get("bs")))
    return _one(measured, sent, faults, zero_is_a_fix=True)


_CHARGING: Mapping[float | None, bool] = {1: False, 2: True, 3: True}
"""Battery status ``bs``: 1 unplugged, 2 charging, 3 full and still plugged in; 0 unknown."""


def _transition(sent: dict[str, Any], faults: list[str]) -> Decoded:
    """The phone entered or left a region of its own; the event stays in extra. Beacons carry 0,0, which is no place."""
    return _one(_position(sent, faults), sent, faults, zero_is_a_fix=False)


def _position(sent: dict[str, Any], faults: list[str]) -> dict[str, object]:
    """Latitude, longitude, accuracy, taken out of ``sent``; nothing, and a fault, if the accuracy is 0 or less."""
    accuracy = number(sent.get("acc"))
    if accuracy is not None and accuracy <= 0:
        faults.append(f"acc: {show(sent['acc'])} rejects the fix: accuracy must be above 0 m")
        sent |= {f"rejected_{name}": sent.pop(name) for name in ("lat", "lon") if name in sent}
        return {}
    return {"lat": sent.pop("lat", None), "lon": sent.pop("lon", None), "accuracy_m": sent.pop("acc", None)}


def _last_will(sent: dict[str, Any], faults: list[str]) -> Decoded:
    """The broker lost the phone. ``tst`` is when it connected, and so names the connection that was lost."""
    connected_at = moment(sent.get("tst"), faults, "tst")
    session = None if connected_at is None else f"{connected_at:.0f}"
    return Decoded(presence=Presence(online=False, session=session), faults=tuple(faults))


def _steps(sent: dict[str, Any], faults: list[str]) -> Decoded:
    steps = sent.pop("steps", None)
    return _one({"steps": None if number(steps) == -1 else steps}, sent, faults)  # -1: not available


def _other_measurement(sent: dict[str, Any], faults: list[str]) -> Decoded:
    """Something measured that we do not judge: all of it stays in extra, at its time."""
    return _one({}, sent, faults)


def _definition(sent: dict[str, Any], faults: list[str]) -> Decoded:
    """What the app knows, not where it is: a region's place and time of creation stay in extra."""
    return Decoded(readings=(gather(_aside(sent), faults),), faults=tuple(faults))


def _nothing(sent: dict[str, Any], faults: list[str]) -> Decoded:
    """Cards, commands to the phone, exported settings: nothing that the phone says about itself."""
    return Decoded(faults=tuple(faults))


_TYPES: Mapping[str, Callable[[dict[str, Any], list[str]], Decoded]] = {
    "location": _location,
    "transition": _transition,
    "lwt": _last_will,
    "steps": _steps,
    "beacon": _other_measurement,
    "waypoint": _definition,
    "waypoints": _definition,
    "status": _definition,
    "card": _nothing,
    "cmd": _nothing,
    "request": _nothing,
    "configuration": _nothing,
    "dump": _nothing,
}


def _one(
    measured: dict[str, object], sent: dict[str, Any], faults: list[str], *, zero_is_a_fix: bool = False
) -> Decoded:
    """One reading of ``measured`` at ``tst``, with the rest of ``sent`` in extra."""
    fixed_at = sent.pop("tst", None)
    at = None if fixed_at is None else moment(fixed_at, faults, "tst")
    fields = {**_aside(sent), **measured, "at": at}
    reading: Reading = gather(fields, faults, zero_is_a_fix=zero_is_a_fix)
    return Decoded(readings=(reading,), faults=tuple(faults))


def _aside(sent: dict[str, Any]) -> dict[str, Any]:
    """``sent`` so that no key of theirs is taken for a quantity of ours (a region's lat is not where the phone is)."""
    return {f"owntracks_{name}" if name in Reading.__struct_fields__ else name: sent[name] for name in sent}
