"""Our own protocol over MQTT: JSON messages as typed structs.

Upward ``alarm``, ``telemetry`` and ``status`` decode to :class:`devices.model.Decoded`; downward go receipts and
commands. Source: ``docs/devices.md``, "The native contract".

Telemetry is the hot path: a message that keeps to the contract is decoded straight into Readings by one typed
decoder. Only what that decoder refuses is read again field by field, with the same result for every field in order.
"""

import re
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from devices import loose_json
from devices.errors import Undecodable
from devices.model import Decoded, Hazard, Presence, Reading, Signal, SignalState
from devices.quantities import gather, identifier, is_bare, show, truth

_HAZARDS = {hazard.value: hazard for hazard in Hazard}
_STATES = {state.value: state for state in SignalState}

_TELEMETRY = msgspec.json.Decoder(Reading | list[Reading])


class Stage(StrEnum):
    """How far help has come, as a device is told."""

    STORED = "stored"
    NOTIFIED = "notified"
    ACCEPTED = "accepted"
    RESOLVED = "resolved"


class Receipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the alarm ``id``: told to the device, and so to the resident."""

    id: str
    stage: Stage
    by: str | None = None  # who accepted, in words for the resident: "daughter"
    at: float | None = None  # epoch seconds


class Order(StrEnum):
    """What a device can be told to do."""

    LOCATE = "locate"
    RING = "ring"
    TEST = "test"
    CONFIGURE = "configure"
    SAY = "say"


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """An order to a device; ``arguments`` stand beside ``id`` and ``do`` on the wire."""

    id: str
    do: Order
    arguments: dict[str, Any] = {}


def decode_telemetry(payload: bytes) -> Decoded:
    """The readings in one telemetry message: an object, or an array of buffered ones, in the order sent.

    Malformed fields, and elements of an array that are no objects, are faults. Raises Undecodable ``not_json``, or
    ``not_an_object`` if nothing in it is an object.
    """
    readings = readings_in_order(payload)
    return _telemetry_by_field(payload) if readings is None else Decoded(readings=readings)


def readings_in_order(payload: bytes) -> tuple[Reading, ...] | None:
    """The readings in a telemetry message that keeps to the contract in all; None if :func:`decode_telemetry` must look
    at its fields one by one.
    """
    try:
        sent = _TELEMETRY.decode(payload)
    except (ValueError, RecursionError):
        return None
    if type(sent) is Reading:
        return (sent,) if _in_order(sent) else None
    return tuple(sent) if all(map(_in_order, sent)) else None


def _in_order(reading: Reading) -> bool:
    """True if nothing is left that the typed decoder cannot see: a position that is none, a field named ``extra``."""
    if reading.extra is not None:
        return False
    if reading.lat is None or reading.lon is None:
        return reading.lat is reading.lon
    return reading.lat != 0 or reading.lon != 0


def _telemetry_by_field(payload: bytes) -> Decoded:
    faults: list[str] = []
    sent = loose_json.parse(payload, faults)
    elements = sent if isinstance(sent, list) else [sent]
    readings = []
    for index, element in enumerate(elements):
        if isinstance(element, dict):
            readings.append(gather(element, faults))
        else:
            faults.append(f"telemetry[{index}]: {show(element)} is not an object")
    if elements and not readings:
        raise Undecodable("not_an_object", f"telemetry holds {show(elements[0])}")
    return Decoded(readings=tuple(readings), faults=tuple(faults))


def decode_alarm(payload: bytes) -> Decoded:
    """The one signal in an alarm message, and the reading beside it if any quantity or unknown field is stated.

    No field beside ``hazard`` can suppress the signal: it is raised from broken JSON too, as long as the hazard can be
    read. Without a ``state``, or with one that is unknown, the hazard is raised. Raises Undecodable ``not_json``,
    ``not_an_object``, ``no_hazard`` or ``unknown_hazard``.
    """
    faults: list[str] = []
    try:
        sent = loose_json.parse(payload, faults)
    except Undecodable as error:
        return Decoded(signals=(_salvage(payload, error),), faults=(str(error),))
    if not isinstance(sent, dict):
        raise Undecodable("not_an_object", f"the alarm is {show(sent)}")
    hazard = _hazard(sent.pop("hazard", None))
    state = _state(sent.pop("state", None), faults)
    event_id = identifier("id", sent.pop("id", None), faults)
    reading = gather(sent, faults)
    signal = Signal(hazard=hazard, state=state, at=reading.at, id=event_id)
    return Decoded(readings=() if is_bare(reading) else (reading,), signals=(signal,), faults=tuple(faults))


def _hazard(value: object) -> Hazard:
    if value is None:
        raise Undecodable("no_hazard", "the alarm names no hazard")
    found = _HAZARDS.get(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        raise Undecodable("unknown_hazard", f"{show(value)} is not one of {', '.join(_HAZARDS)}")
    return found


def _state(value: object, faults: list[str]) -> SignalState:
    if value is None:
        return SignalState.RAISED
    found = _STATES.get(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        faults.append(f"state: {show(value)} is not one of {', '.join(_STATES)}; taken as raised")
        return SignalState.RAISED
    return found


_BROKEN_HAZARD = re.compile(rb'"hazard"\s*:\s*"\s*(\w{1,32})\s*"')
_BROKEN_STATE = re.compile(rb'"state"\s*:\s*"\s*(\w{1,32})\s*"')


def _salvage(payload: bytes, error: Undecodable) -> Signal:
    """The signal in broken JSON (cut short, say), without id or time. Raises ``error`` if no hazard can be read."""
    hazard = _BROKEN_HAZARD.search(payload)
    if hazard is None:
        raise error
    state = _BROKEN_STATE.search(payload)
    return Signal(
        hazard=_hazard(hazard[1].decode()),
        state=_state(state[1].decode() if state else None, []),
    )


def decode_status(payload: bytes) -> Decoded:
    """Whether the device is connected; with it a reading if other fields *and* their time ``at`` are stated.

    A status is retained, so what stands in it without a time may be of any age: it is a fault, not a reading. An empty
    payload removes a retained status and says nothing. Raises Undecodable ``not_json``, ``not_an_object``,
    ``no_online``.
    """
    if not payload:
        return Decoded()
    faults: list[str] = []
    sent = loose_json.parse(payload, faults)
    if not isinstance(sent, dict):
        raise Undecodable("not_an_object", f"the status is {show(sent)}")
    stated = sent.pop("online", None)
    online = truth(stated)
    if online is None:
        raise Undecodable("no_online", f"online is {show(stated)}, not true or false")
    presence = Presence(online=online, session=identifier("session", sent.pop("session", None), faults))
    reading = gather(sent, faults)
    if is_bare(reading):
        return Decoded(presence=presence, faults=tuple(faults))
    if reading.at is None:
        return Decoded(presence=presence, faults=(*faults, "status: fields without a time are not kept"))
    return Decoded(readings=(reading,), presence=presence, faults=tuple(faults))


def encode_telemetry(*readings: Reading) -> bytes:
    """One telemetry message: an object for one reading, an array for several."""
    return msgspec.json.encode(_flat(readings[0]) if len(readings) == 1 else [_flat(one) for one in readings])


def encode_alarm(
    *,
    event_id: str,
    hazard: Hazard,
    state: SignalState = SignalState.RAISED,
    at: float | None = None,
    reading: Reading | None = None,
) -> bytes:
    """One alarm message; ``reading`` stands beside it, ``at`` (epoch seconds) takes the place of its own time."""
    beside = _flat(reading) if reading is not None else {}
    stated = {} if at is None else {"at": at}
    return msgspec.json.encode({**beside, "id": event_id, "hazard": hazard, "state": state, **stated})


def encode_status(*, online: bool, session: str) -> bytes:
    """One status message, or the last will of the connection that calls itself ``session``."""
    return msgspec.json.encode({"online": online, "session": session})


def _flat(reading: Reading) -> dict[str, Any]:
    stated: dict[str, Any] = msgspec.to_builtins(reading)
    return {**(stated.pop("extra", None) or {}), **stated}


def encode_receipt(receipt: Receipt) -> bytes:
    """``receipt`` as it goes to the device."""
    return msgspec.json.encode(receipt)


def decode_receipt(payload: bytes) -> Receipt:
    """The receipt in ``payload``. Raises Undecodable ``bad_receipt``."""
    return _strictly(payload, Receipt, "bad_receipt")


def encode_command(command: Command) -> bytes:
    """``command`` as it goes to the device."""
    return msgspec.json.encode({**command.arguments, "id": command.id, "do": command.do})


def decode_command(payload: bytes) -> Command:
    """The command in ``payload``. Raises Undecodable ``bad_command``."""
    head = _strictly(payload, _CommandHead, "bad_command")
    beside = _strictly(payload, dict[str, Any], "bad_command")
    arguments = {name: value for name, value in beside.items() if name not in {"id", "do"}}
    return Command(id=head.id, do=head.do, arguments=arguments)


class _CommandHead(msgspec.Struct, frozen=True):
    id: str
    do: Order


_Wire = TypeVar("_Wire")


def _strictly(payload: bytes, wire: type[_Wire], reason: str) -> _Wire:
    try:
        return msgspec.json.decode(payload, type=wire)
    except (ValueError, RecursionError) as error:
        raise Undecodable(reason, str(error)) from error
