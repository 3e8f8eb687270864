"""`carewatch decode`: what device messages mean, one line of JSON for each, without broker or database.

For integrators and for looking at a quarantine. Here, and nowhere else, a protocol may be guessed from topic and
shape: ingest judges a device by its registered protocol alone.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer

from devices import loose_json
from devices.errors import Undecodable
from devices.model import Decoded, Protocol, Reading
from devices.protocols import registry
from devices.topics import Channel, Topic


def decode(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="JSON lines; - is standard input.")] = "-",  # type: ignore[assignment]  # typer opens it
) -> None:
    """Say what device messages mean: JSON lines in, one JSON line out for each.

    In: {"protocol"?, "model"?, "topic"?, "payload", "encoding"?: "base64"}; the payload is a JSON value or text.
    Without a protocol it is guessed from topic and shape.

    Out: {"line", "protocol", "device", "at", "events", "error"}.
    """
    out = typer.get_binary_stream("stdout")
    for answer in answers(file):
        out.write(msgspec.json.encode(answer) + b"\n")
        out.flush()


class Answer(msgspec.Struct, kw_only=True):
    """What one line of input says."""

    line: int  # counted from 1
    protocol: str | None = None
    device: str | None = None  # the address under which the device would be registered
    at: str | None = None  # RFC 3339, UTC
    events: list[dict[str, Any]] = []
    error: str | None = None  # why nothing, or not everything, could be understood


class _Line(msgspec.Struct):
    """One line of input; other keys are ignored."""

    payload: Any
    protocol: str | None = None
    model: str | None = None
    topic: str | None = None
    encoding: str | None = None


class _BadLine(Exception):
    """A line that is no device message."""


def answers(lines: Iterable[bytes]) -> Iterator[Answer]:
    """One answer for each line, in order. Never raises for what is in a line."""
    for number, line in enumerate(lines, start=1):
        answer = Answer(line=number)
        try:
            _fill(answer, line)
        except (_BadLine, Undecodable) as error:
            answer.error = str(error)
        yield answer


def _fill(answer: Answer, line: bytes) -> None:
    faults: list[str] = []
    sent = _read(line, faults)
    payload = _payload_of(sent)
    answer.protocol = sent.protocol
    protocol = _protocol_of(sent, payload)
    answer.protocol = protocol
    if sent.topic is not None:
        answer.device = registry.address_of(protocol, sent.topic)
    decoded = registry.decode(protocol, sent.topic or _stand_in(protocol, payload), payload)
    times = [signal.at for signal in decoded.signals] + [reading.at for reading in decoded.readings]
    at = next((time for time in times if time is not None), None)
    answer.at = None if at is None else _rfc3339(at)
    answer.events = list(_events(decoded, protocol, at))
    answer.error = "; ".join((*faults, *decoded.faults)) or None


def _read(line: bytes, faults: list[str]) -> _Line:
    if not line.strip():
        raise _BadLine("the line is empty")
    try:
        return msgspec.convert(loose_json.parse(line, faults), _Line)
    except Undecodable as error:
        raise _BadLine(f"the line is not JSON: {error.detail}") from error
    except msgspec.ValidationError as error:
        raise _BadLine(f"the line is no device message: {error}") from error


def _payload_of(sent: _Line) -> bytes:
    """The payload as it would have gone over the wire."""
    if sent.encoding not in {None, "base64"}:
        raise _BadLine(f'encoding {json.dumps(sent.encoding)} is not known; the only one is "base64"')
    if sent.encoding is None:
        text = sent.payload if isinstance(sent.payload, str) else json.dumps(sent.payload)
        return text.encode("utf-8", "replace")
    try:
        return base64.b64decode(sent.payload, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise _BadLine(f"payload is not base64: {error}") from error


def _protocol_of(sent: _Line, payload: bytes) -> Protocol:
    supported = ", ".join(sorted(registry.DIALECTS))
    if sent.protocol is None:
        guessed = guess(sent.topic, payload)
        if guessed is None:
            topic = json.dumps(sent.topic)
            raise _BadLine(f"no protocol is stated, and topic {topic} does not tell it; supported: {supported}")
        return guessed
    if sent.protocol not in registry.DIALECTS:
        raise _BadLine(f"protocol {json.dumps(sent.protocol)} is not supported; supported: {supported}")
    return Protocol(sent.protocol)


def _stand_in(protocol: Protocol, payload: bytes) -> str:
    """A topic for a message that came without one: a native one is told by its shape, the others do not need it."""
    if protocol is not Protocol.NATIVE:
        return ""
    fields = _fields(payload)
    channel = Channel.ALARM if "hazard" in fields else Channel.STATUS if "online" in fields else Channel.TELEMETRY
    return str(Topic("unknown", "unknown", channel))


_BASES = {"owntracks": Protocol.OWNTRACKS, "zigbee2mqtt": Protocol.ZIGBEE2MQTT}
"""Default base topics."""
_TELLING = {"hazard": Protocol.NATIVE, "_type": Protocol.OWNTRACKS, "linkquality": Protocol.ZIGBEE2MQTT}
"""Keys that one protocol alone uses, whatever the topic."""
_LIKELY: Mapping[str, Protocol] = {
    **{name: Protocol.NATIVE for name in Reading.__struct_fields__ if "_" in name},
    "at": Protocol.NATIVE,
    "online": Protocol.NATIVE,
    **dict.fromkeys(
        ("action", "battery_low", "carbon_monoxide", "contact", "gas", "occupancy", "smoke", "tamper", "water_leak"),
        Protocol.ZIGBEE2MQTT,
    ),
}
"""Keys that suggest a protocol when there is no topic at all."""


def guess(topic: str | None, payload: bytes) -> Protocol | None:
    """The protocol that topic and shape suggest, or None."""
    fields = _fields(payload)
    keys = _TELLING if topic is not None else {**_TELLING, **_LIKELY}
    by_shape = next((protocol for key, protocol in keys.items() if key in fields), None)
    if topic is None:
        return by_shape
    try:
        Topic.parse(topic)
    except Undecodable:
        return _BASES.get(topic.partition("/")[0], by_shape)
    return Protocol.NATIVE


def _fields(payload: bytes) -> Mapping[str, object]:
    """The fields of the object in ``payload``, or of the first in an array; nothing if there is none."""
    try:
        sent = loose_json.parse(payload, [])
    except Undecodable:
        return {}
    first = sent[0] if isinstance(sent, list) and sent else sent
    return first if isinstance(first, dict) else {}


def _events(decoded: Decoded, protocol: Protocol, at: float | None) -> Iterator[dict[str, Any]]:
    for signal in decoded.signals:
        yield {"hazard": signal.hazard, "state": signal.state}
    for reading in decoded.readings:
        dated = {} if reading.at in {None, at} else {"at": _rfc3339(reading.at)}
        for event in _measured(reading, protocol):
            yield {**event, **dated}
    if decoded.presence is not None:
        about = {} if decoded.presence.subject is None else {"subject": decoded.presence.subject}
        yield {"quantity": "online", "value": decoded.presence.online, **about}


_NO_QUANTITY = frozenset({"at", "seq", "lat", "lon", "accuracy_m", "extra"})


def _measured(reading: Reading, protocol: Protocol) -> Iterator[dict[str, Any]]:
    if reading.lat is not None:
        accuracy = {} if reading.accuracy_m is None else {"accuracy_m": reading.accuracy_m}
        yield {"quantity": "location", "lat": reading.lat, "lon": reading.lon, **accuracy}
    for name, value in msgspec.structs.asdict(reading).items():
        if value is not None and name not in _NO_QUANTITY:
            yield {"quantity": name, "value": value}
    unjudged = reading.extra or {}
    if protocol is Protocol.OWNTRACKS and unjudged.get("event") in {"enter", "leave"}:
        yield {"quantity": "geofence", "value": unjudged["event"], "region": unjudged.get("desc")}


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
