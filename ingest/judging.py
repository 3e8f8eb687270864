"""From a message to what follows from it: readings, alarms, a presence, or an entry in quarantine. Pure.

What a device says is judged by its registered protocol. Where no device is registered, the protocol of the topic tells
only whether somebody may be calling for help: then the duty desk looks, whoever it is.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from devices.errors import Undecodable
from devices.model import Decoded, DeviceKind, Presence, Protocol, Reading, Signal, SignalState
from devices.protocols.registry import decode, may_alarm
from devices.topics import Channel
from devices.wire.mqtt import Oversized
from domain.incident import TECHNICAL_HAZARDS
from ingest.config import MAX_PAYLOAD_BYTES
from ingest.packing import digest_of
from ingest.raising import Spoken, alarm_of, unclear_alarm
from ingest.registry import Registry
from ingest.session import Message
from ingest.topics import Kind, Route
from store.alarms import Alarm
from store.devices import Device
from store.quarantine import Entry

_LONGEST_TOPIC: Final = 200
_NOTHING: Final = Decoded()

IsNews = Callable[[int, Signal], bool]
"""Of a device (by key) and a state that it repeats."""


class Reason(StrEnum):
    """Why something stands in quarantine, beside the reasons of :class:`devices.errors.Undecodable`."""

    OVERSIZED = "oversized"
    BAD_TOPIC = "bad_topic"
    UNKNOWN_DEVICE = "unknown_device"
    RETIRED = "retired"
    UNBOUND = "unbound"
    WRONG_CELL = "wrong_cell"
    WRONG_PROTOCOL = "wrong_protocol"
    PLATFORM_HAZARD = "platform_hazard"
    REFUSED = "refused_by_database"
    PROGRAM_FAULT = "program_fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is known of a topic before its payload: kept for as long as the registry does not change."""

    topic: str
    route: Route
    device: Device | None
    trouble: Reason | None
    """Why what comes from here cannot be judged, whatever it is."""
    protocol: Protocol
    may_alarm: bool
    plain: bool
    """Native telemetry of a device in order: the many messages that the short way is for."""

    @property
    def name(self) -> str:
        """The device id, if there is one; else the address or topic, shortened."""
        named = self.device.device_id if self.device is not None else self.route.name or self.topic
        return shortened(named)


@dataclass(slots=True, kw_only=True)
class Judged:
    """What follows from one message. Nothing at all follows from many: then it is only acknowledged."""

    device: Device | None = None
    readings: tuple[Reading, ...] = ()
    presence: Presence | None = None
    signals: tuple[Signal, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    entry: Entry | None = None
    unanswered: bool = False
    """An alarm for which no organisation answers: there is none at all."""


def shortened(topic: str) -> str:
    """``topic``, or its beginning and the CRC-32 of the whole beyond 200 characters: fit for an index."""
    if len(topic) <= _LONGEST_TOPIC:
        return topic
    return f"{topic[:_LONGEST_TOPIC]}~{zlib.crc32(topic.encode()):08x}"


def source_of(topic: str, route: Route, registry: Registry) -> Source:
    """What is known of ``topic``."""
    device = registry.device(route) if route.kind in {Kind.NATIVE, Kind.FOREIGN} else None
    trouble = _trouble(route, device)
    protocol = device.protocol if device is not None and route.kind is Kind.FOREIGN else route.protocol
    return Source(
        topic=topic,
        route=route,
        device=device,
        trouble=trouble,
        protocol=protocol,
        may_alarm=route.alarming or (route.kind in {Kind.NATIVE, Kind.FOREIGN} and may_alarm(protocol, topic)),
        plain=trouble is None and route.kind is Kind.NATIVE and route.channel is Channel.TELEMETRY,
    )


def _trouble(route: Route, device: Device | None) -> Reason | None:
    if route.kind not in {Kind.NATIVE, Kind.FOREIGN}:
        return Reason.BAD_TOPIC if route.kind is Kind.STRAY else None
    if device is None:
        return Reason.UNKNOWN_DEVICE
    if device.retired:
        return Reason.RETIRED
    if (route.kind is Kind.NATIVE) != (device.protocol is Protocol.NATIVE):
        return Reason.WRONG_PROTOCOL
    if device.household_id is None and device.kind is not DeviceKind.GATEWAY:
        return Reason.UNBOUND
    if route.kind is Kind.NATIVE and device.cell != route.cell:
        return Reason.WRONG_CELL
    return None


def judge(message: Message, source: Source, registry: Registry, *, now: datetime, mark: str, is_news: IsNews) -> Judged:
    """What follows from ``message``, received at ``now``; ``mark`` is different for every message. ``is_news`` tells of
    state that a protocol repeats whether it is more than a repetition.
    """
    heard = _heard(message, source)
    decoded = heard if isinstance(heard, Decoded) else _NOTHING
    doubtful = [signal for signal in decoded.signals if not _raises(source, signal)]
    reason, detail = _fault(source, heard, doubtful)
    judged = Judged(device=source.device)
    if reason is None:
        judged.readings, judged.presence, judged.signals = decoded.readings, decoded.presence, decoded.signals
    else:
        judged.entry = _entry(message, source, reason, detail, now)
    if reason is not None and _somebody_may_call(source, heard, doubtful):
        spoken = _spoken(message, source, decoded.faults, now, mark)
        _call_the_desk(judged, spoken, doubtful[0] if doubtful else None, reason, _answering(source, registry))
    if source.device is not None:
        judged.alarms += tuple(
            alarm_of(_spoken(message, source, decoded.faults, now, mark), signal, place)
            for place, signal in enumerate(decoded.signals)
            if _raises(source, signal) and (not signal.republished or is_news(source.device.key, signal))
        )
    return judged


def judge_broken(message: Message, source: Source, registry: Registry, *, now: datetime, mark: str) -> Judged:
    """What follows from a message that :func:`judge` has broken down over: it is kept, and if it may be an alarm the
    duty desk looks.
    """
    detail = "the program has a fault: see its log"
    judged = Judged(device=source.device, entry=_entry(message, source, Reason.PROGRAM_FAULT, detail, now))
    if source.may_alarm:
        spoken = _spoken(message, source, (), now, mark)
        _call_the_desk(judged, spoken, None, Reason.PROGRAM_FAULT, _answering(source, registry))
    return judged


def _call_the_desk(judged: Judged, spoken: Spoken, signal: Signal | None, reason: str, desk: int | None) -> None:
    if desk is None:
        judged.unanswered = True
    else:
        judged.alarms = (unclear_alarm(spoken, signal, reason, desk),)


def _spoken(message: Message, source: Source, faults: tuple[str, ...], now: datetime, mark: str) -> Spoken:
    return Spoken(
        name=source.name,
        device=source.device,
        now=now,
        mark=mark,
        payload=b"" if isinstance(message, Oversized) else message.payload,
        dup=message.dup,
        retained=message.retain,
        faults=faults,
    )


def _heard(message: Message, source: Source) -> Decoded | Undecodable:
    """What was said, or why that cannot be understood."""
    if source.trouble is Reason.BAD_TOPIC:
        return Undecodable(Reason.BAD_TOPIC, source.route.detail)
    size = message.size_bytes if isinstance(message, Oversized) else len(message.payload)
    if isinstance(message, Oversized) or size > MAX_PAYLOAD_BYTES:
        return Undecodable(Reason.OVERSIZED, f"{size} bytes; read are at most {MAX_PAYLOAD_BYTES}")
    try:
        return decode(source.protocol, source.topic, message.payload)
    except Undecodable as error:
        return error


def _raises(source: Source, signal: Signal) -> bool:
    """True if ``signal`` concerns somebody: its device is in order and at home, or it is about the device alone.

    A wrong cell is no hindrance: the broker vouches for the device id, and help must not wait for a topic to be mended.
    """
    device = source.device
    if device is None or source.trouble not in {None, Reason.WRONG_CELL, Reason.UNBOUND}:
        return False
    return signal.hazard.by_device and (signal.hazard in TECHNICAL_HAZARDS or device.household_id is not None)


def _fault(source: Source, heard: Decoded | Undecodable, doubtful: list[Signal]) -> tuple[str | None, str]:
    """Why the message goes to quarantine, if it does: the fault of its source before that of its payload."""
    if source.trouble is not None and source.trouble is not Reason.BAD_TOPIC:
        return source.trouble, _TROUBLES[source.trouble].format(device=source.device, route=source.route)
    if isinstance(heard, Undecodable):
        return heard.reason, heard.detail
    if doubtful:
        by_device = doubtful[0].hazard.by_device
        return (
            (Reason.UNBOUND, "the device is bound to no household")
            if by_device
            else (Reason.PLATFORM_HAZARD, f"{doubtful[0].hazard} is not for devices to say")
        )
    return None, ""


_TROUBLES: Final = {
    Reason.UNKNOWN_DEVICE: "no device is registered as {route.name}",
    Reason.RETIRED: "device {device.device_id} is retired",
    Reason.UNBOUND: "device {device.device_id} is bound to no household",
    Reason.WRONG_CELL: "device {device.device_id} is registered in cell {device.cell}",
    Reason.WRONG_PROTOCOL: "device {device.device_id} is registered with protocol {device.protocol}",
}


def _somebody_may_call(source: Source, heard: Decoded | Undecodable, doubtful: list[Signal]) -> bool:
    """True if the duty desk must look: an alarm may stand behind a message that raises none."""
    if isinstance(heard, Undecodable):
        return source.may_alarm
    if source.route.channel is Channel.ALARM:
        return bool(doubtful)
    return any(one.state is SignalState.RAISED and one.hazard not in TECHNICAL_HAZARDS for one in doubtful)


def _answering(source: Source, registry: Registry) -> int | None:
    if source.device is not None:
        return source.device.organisation_id
    return registry.answering_for(source.route.cell)


def _entry(message: Message, source: Source, reason: str, detail: str, now: datetime) -> Entry:
    payload = b"" if isinstance(message, Oversized) else message.payload
    of_source = source.trouble is not None and source.trouble is not Reason.BAD_TOPIC
    return Entry(
        reason=reason,
        topic=shortened(source.topic),
        digest=0 if of_source else digest_of(payload),
        device_key=source.device.key if source.device is not None else None,
        cell=source.device.cell if source.device is not None else source.route.cell,
        detail=detail.replace("\0", " "),
        payload=payload[:MAX_PAYLOAD_BYTES],
        size_bytes=message.size_bytes if isinstance(message, Oversized) else len(payload),
        at=now,
    )
