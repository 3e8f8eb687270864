"""Zigbee2MQTT: sensors and buttons behind a Zigbee coordinator, as JSON state over MQTT.

A device publishes its whole cached state, again on every change of anything: what it asserts is ``republished``, and
only a change against the last committed state is an event. A missing or null property says nothing. Button presses
(``action``) are momentary and never cached.

Source: zigbee2mqtt.io, "MQTT topics and messages" and "Exposes"; captured messages in the project's device samples.
"""

import re
from collections.abc import Mapping
from typing import Any

from devices import loose_json
from devices.errors import Undecodable
from devices.model import Decoded, Hazard, Presence, Signal, SignalState
from devices.quantities import gather, identifier, is_bare, moment, number, show, truth

_HAZARDS: Mapping[str, Hazard] = {
    "smoke": Hazard.SMOKE,
    "gas": Hazard.GAS,
    "carbon_monoxide": Hazard.CO,
    "water_leak": Hazard.WATER,
    "tamper": Hazard.TAMPER,
    "sos": Hazard.SOS,
    "fall": Hazard.FALL,
    "fall_status": Hazard.FALL,  # Heiman HS2FD: normal, maybe_fall, fall
    "fall_down_status": Hazard.FALL,  # Tuya MIR-HE200-TY: none, maybe_fall, fall
    "battery_low": Hazard.LOW_BATTERY,
    "battery_state": Hazard.LOW_BATTERY,  # Tuya: low, medium, high
}
"""Cached properties that assert or withdraw a hazard."""

_RAISED_WORDS = frozenset({"on", "alarm", "detected", "fall", "maybe_fall", "low"})
_CLEARED_WORDS = frozenset({"off", "none", "normal", "clear", "medium", "middle", "high"})
_UNKNOWN_WORDS = frozenset({"", "null", "unknown", "unavailable"})

_ACTIONS: Mapping[str, Hazard] = {
    "emergency": Hazard.SOS,  # Tuya TS0215A, TS0601; Heiman HS1EB; every keypad with an SOS key
    "sos": Hazard.SOS,
    "panic": Hazard.SOS,
    "fire": Hazard.SMOKE,  # the fire key of a keypad: a person saw it
}
"""Words of ``action`` that are a call for help, alone or between underscores (``panic_1``)."""

_TESTABLE = frozenset({Hazard.SMOKE, Hazard.GAS, Hazard.CO, Hazard.WATER})
"""Hazards that ``test: true`` beside them turns into a test (IAS zone status, bit 8)."""

_CLOSED = ("contact", "garage_door_contact")
"""Contacts: true means closed."""
_MOTION = ("occupancy", "presence")
"""Someone is there (true) or not (false)."""
_STIRRING = ("vibration", "moving")
"""True is movement; false says nothing about the room."""
_QUANTITIES: Mapping[str, str] = {
    "temperature": "temperature_c",
    "local_temperature": "temperature_c",
    "device_temperature": "temperature_c",
    "smoke_density": "smoke_level",
    "smoke_concentration": "smoke_level",
}
"""Numeric properties; of several for one quantity the first in this table counts."""

_BRIDGE = re.compile(
    r"(?P<base>.+)/bridge/(?P<what>state|event|log|logging|info|health|config|devices|groups|definitions|extensions"
    r"|converters|request/.+|response/.+)"
)
_DOWNWARD = re.compile(r"(?P<address>.+)/(?:set|get)(?:/[^/]+)?")
_SUFFIXES = ("/availability", "/action")


def address_of(topic: str) -> str:
    """Base topic and friendly name, or ``<base>/bridge``: ``zigbee2mqtt/Kitchen/smoke alarm``."""
    if bridge := _BRIDGE.fullmatch(topic):
        return f"{bridge['base']}/bridge"
    if downward := _DOWNWARD.fullmatch(topic):
        return downward["address"]
    for suffix in _SUFFIXES:
        topic = topic.removesuffix(suffix)
    if "/" not in topic.strip("/"):
        raise Undecodable("bad_topic", f"{ascii(topic)[:200]} is not base/name")
    return topic


def may_alarm(topic: str) -> bool:
    """True for the state and the action of a device."""
    return not (topic.endswith("/availability") or _BRIDGE.fullmatch(topic) or _DOWNWARD.fullmatch(topic))


def decode(topic: str, payload: bytes) -> Decoded:
    """What a message of the bridge says about a device, or about all of them.

    An empty payload only removes a retained message. Commands to devices and the bridge's own housekeeping say
    nothing. Raises Undecodable ``not_json``, ``not_an_object`` or ``unknown_state``.
    """
    if not payload or _DOWNWARD.fullmatch(topic):
        return Decoded()
    if bridge := _BRIDGE.fullmatch(topic):
        return _bridge(bridge["base"], bridge["what"], payload)
    if topic.endswith("/availability"):
        return Decoded(presence=Presence(online=_availability(payload)))
    if topic.endswith("/action") and not payload.lstrip().startswith(b"{"):
        return _state({"action": payload.decode("utf-8", "replace")}, [])
    faults: list[str] = []
    return _state(_object(payload, faults), faults)


def _object(payload: bytes, faults: list[str]) -> dict[str, Any]:
    sent = loose_json.parse(payload, faults)
    if not isinstance(sent, dict):
        raise Undecodable("not_an_object", f"the message is {show(sent)}")
    return sent


def _availability(payload: bytes) -> bool:
    """True for online. JSON ``{"state": "online"}``, or the bare word (legacy)."""
    word: object = payload.decode("utf-8", "replace").strip()
    if payload.lstrip().startswith(b"{"):
        word = _object(payload, []).get("state")
    if word not in {"online", "offline"}:
        raise Undecodable("unknown_state", f"{show(word)} is neither online nor offline")
    return word == "online"


def _bridge(base: str, what: str, payload: bytes) -> Decoded:
    if what == "state":
        return Decoded(presence=Presence(online=_availability(payload), subject="*"))
    if what != "event":
        return Decoded()
    faults: list[str] = []
    event = _object(payload, faults)
    about, kind = event.get("data"), event.get("type")
    name = identifier("friendly_name", about.get("friendly_name") if isinstance(about, dict) else None, faults)
    online = _EVENTS.get(kind) if isinstance(kind, str) else None
    if online is None or name is None:
        return Decoded(faults=tuple(faults))
    return Decoded(presence=Presence(online=online, subject=f"{base}/{name}"), faults=tuple(faults))


_EVENTS: Mapping[str, bool] = {"device_announce": True, "device_joined": True, "device_leave": False}
"""Types of ``bridge/event`` that say whether a device is in the network."""


def _state(sent: dict[str, Any], faults: list[str]) -> Decoded:
    """Signals and reading of one state message. Takes what it understands out of ``sent``; the rest goes to extra."""
    at = _last_seen(sent.pop("last_seen", None), faults)
    signals = [*_hazards(sent, at, faults), *_action(sent, at)]
    measured = _measured(sent, faults)
    reading = gather({**sent, **measured, "at": at}, faults)
    bare = is_bare(reading) and bool(signals)
    return Decoded(readings=() if bare else (reading,), signals=tuple(signals), faults=tuple(faults))


def _last_seen(value: object, faults: list[str]) -> float | None:
    """Epoch seconds. ISO 8601 with a zone, or epoch milliseconds (the setting ``last_seen: epoch``)."""
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        milliseconds = number(value)
        value = None if milliseconds is None else milliseconds / 1000
    return moment(value, faults, "last_seen")


def _hazards(sent: dict[str, Any], at: float | None, faults: list[str]) -> list[Signal]:
    """One signal for each hazard that is stated; where two properties state it, raised wins."""
    stated: dict[Hazard, SignalState] = {}
    testing = truth(sent.get("test")) is True
    for name, hazard in _HAZARDS.items():
        if name not in sent:  # as most are not, and ingest has thousands of these a second
            continue
        state = _asserted(name, sent.pop(name, None), faults)
        if state is None:
            continue
        if state is SignalState.RAISED and testing and hazard in _TESTABLE:
            state = SignalState.TEST
        if stated.get(hazard) is not SignalState.RAISED:
            stated[hazard] = state
    return [Signal(hazard=hazard, state=state, at=at, republished=True) for hazard, state in stated.items()]


def _asserted(name: str, value: object, faults: list[str]) -> SignalState | None:
    """What a hazard property asserts. A value that cannot be understood is raised: better a false alarm than none."""
    known = truth(value)
    if known is None:
        word = value.strip().lower() if isinstance(value, str) else ""
        if value is None or (isinstance(value, str) and word in _UNKNOWN_WORDS):
            return None
        if word not in _CLEARED_WORDS | _RAISED_WORDS:
            faults.append(f"{name}: {show(value)} is not known; taken as raised")
        known = word not in _CLEARED_WORDS
    return SignalState.RAISED if known else SignalState.CLEARED


def _action(sent: dict[str, Any], at: float | None) -> list[Signal]:
    """The call for help in ``action``, if it is one, taken out of ``sent``; any other action stays there.

    The transaction number of a keypad repeats after 256 messages: it identifies a press only together with a time.
    """
    action = sent.get("action")
    words = action.strip().lower().split("_") if isinstance(action, str) else []
    hazard = next((_ACTIONS[word] for word in words if word in _ACTIONS), None)
    if hazard is None:
        return []
    del sent["action"]
    transaction = sent.get("action_transaction")
    event_id = None
    if at is not None and isinstance(transaction, int):
        event_id = f"{hazard}-{transaction % 2**32}"
    return [Signal(hazard=hazard, state=SignalState.RAISED, at=at, id=event_id)]


def _measured(sent: dict[str, Any], faults: list[str]) -> dict[str, object]:
    """The quantities in ``sent`` under our names; taken out of it."""
    measured: dict[str, object] = {}
    for name, quantity in _QUANTITIES.items():
        if sent.get(name) is not None and quantity not in measured:
            measured[quantity] = sent.pop(name)
    if sent.get("battery") is not None:
        measured["battery_pct"] = _battery(sent.pop("battery"), faults)
    for name in _CLOSED:
        closed = truth(sent.get(name))
        if closed is not None:
            del sent[name]
            measured["contact_open"] = not closed or measured.get("contact_open", False)
    stirring = {name: truth(sent[name]) for name in (*_MOTION, *_STIRRING) if name in sent}
    if any(stirring.values()):
        measured["motion"] = True
    elif any(stirring.get(name) is False for name in _MOTION):
        measured["motion"] = False
    for name in _MOTION:
        sent.pop(name, None)
    return measured


def _battery(value: object, faults: list[str]) -> object:
    """Percent, as number or text ("80", "80 %")."""
    if isinstance(value, str):
        value = value.strip().removesuffix("%").strip()
    if number(value) == 0:
        faults.append("battery: 0 from a device that still transmits is doubtful")
    return value
