"""The doctor looks at the broker: reachable, what kind, and what it does with messages for a session that is away."""

import asyncio
import secrets
import ssl
from contextlib import suppress
from typing import Final
from urllib.parse import unquote, urlsplit

import aiomqtt

from carewatch.doctor.finding import Finding, error, ok, warning
from carewatch.system import without_password

_WITHIN_S: Final = 10.0
_VERSION_WITHIN_S: Final = 1.5
_SILENT_FOR_S: Final = 3.0
_AT_ONCE: Final = 20
QUEUED: Final = 1200
"""More than mosquitto keeps by default: 1,000. Source: mosquitto.conf(5), max_queued_messages."""


async def look(url: str) -> list[Finding]:
    """Findings about the broker at ``url``; nothing is left behind there."""
    try:
        version = await _version(url)
    except aiomqtt.MqttError as failure:
        mend = "start it, or put its address and a user that it knows into broker_url"
        return [error("broker", f"{without_password(url)}: {failure}", mend)]
    return [ok("broker", f"{without_password(url)} answers"), _kind(version), await _queue(url), await _spaces(url)]


def _kind(version: str | None) -> Finding:
    if version is None:
        return ok("broker kind", "it does not say; nats-server, which loses nothing when it is killed, does not")
    if "mosquitto" in version:
        return warning(
            "broker kind",
            f"{version}: a crash may lose what it has acknowledged and not handed on",
            "set persistence true and autosave_interval 1; nats-server keeps everything",
        )
    return ok("broker kind", version)


async def _version(url: str) -> str | None:
    """What the broker says it is; None if it does not say. Raises aiomqtt.MqttError."""
    async with _client(url, f"doctor-{secrets.token_hex(4)}") as client:
        await client.subscribe("$SYS/broker/version")
        with suppress(TimeoutError):
            async with asyncio.timeout(_VERSION_WITHIN_S):
                async for message in client.messages:
                    return bytes(message.payload).decode(errors="replace")
    return None


async def _queue(url: str) -> Finding:
    """Whether a session that is away keeps everything that was acknowledged for it."""
    what, topic = "broker queue", f"carewatch/doctor/{secrets.token_hex(4)}"
    away = f"doctor-{secrets.token_hex(4)}"
    try:
        async with _client(url, away, clean=False) as client:
            await client.subscribe(topic, qos=1)
        async with _client(url, f"{away}-p") as client:
            for begin in range(0, QUEUED, _AT_ONCE):
                batch = range(begin, min(begin + _AT_ONCE, QUEUED))
                await asyncio.gather(*(client.publish(topic, b"%d" % n, qos=1) for n in batch))
        kept = await _received(url, away)
        async with _client(url, away):
            pass  # a clean session: nothing is kept for it any more
    except aiomqtt.MqttError as failure:
        mend = "let this user publish and read carewatch/doctor/#, and ask again"
        return warning(what, f"could not be tried: {failure}", mend)
    if kept < QUEUED:
        return error(
            what,
            f"of {QUEUED} messages that it acknowledged for a session that was away, it kept {kept}",
            "mosquitto: set max_queued_messages 0 and max_inflight_messages 0; other brokers: no limit to the queue",
        )
    return ok(what, f"keeps all of {QUEUED} messages for a session that is away")


async def _received(url: str, identity: str) -> int:
    """How many messages were kept for the session ``identity``."""
    kept: set[bytes] = set()
    async with _client(url, identity, clean=False) as client:
        with suppress(TimeoutError):
            async with asyncio.timeout(_SILENT_FOR_S) as patience:
                async for message in client.messages:
                    kept.add(bytes(message.payload))
                    if len(kept) == QUEUED:
                        break
                    patience.reschedule(asyncio.get_running_loop().time() + _SILENT_FOR_S)
    return len(kept)


async def _spaces(url: str) -> Finding:
    """Whether a topic may hold a space: names that people give to Zigbee devices do."""
    what = "broker topics"
    try:
        async with _client(url, f"doctor-{secrets.token_hex(4)}") as client:
            await client.publish("carewatch/doctor/a space", b"", qos=1)
    except aiomqtt.MqttError:
        mend = "give Zigbee2MQTT devices names without spaces; nats-server is known for this"
        return warning(what, "it closes the connection for a space in a topic", mend)
    return ok(what, "a space in a topic is taken")


def _client(url: str, identity: str, *, clean: bool = True) -> aiomqtt.Client:
    parts = urlsplit(url)
    secure = parts.scheme == "mqtts"
    return aiomqtt.Client(
        parts.hostname or "",
        parts.port or (8883 if secure else 1883),
        identifier=identity,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        protocol=aiomqtt.ProtocolVersion.V311,
        clean_session=clean,
        timeout=_WITHIN_S,
        tls_context=ssl.create_default_context() if secure else None,
    )
