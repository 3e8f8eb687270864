"""MQTT 3.1.1 strings, topic names and topic filters.

Text that a peer sent is judged with ``error=MalformedPacket``, text of our own with ``InvalidField``. Control
characters and Unicode non-characters are let through: the standard only advises against them, and a broker may
forward them (nats-server does).
"""

from functools import lru_cache

from devices.wire.errors import InvalidField, MalformedPacket, WireError
from devices.wire.mqtt_packets import MAX_TEXT_BYTES


def decode_text(raw: bytes, what: str) -> str:
    """Return the string that a peer sent, or raise :class:`MalformedPacket`.

    Source: section 1.5.3, [MQTT-1.5.3-1] well-formed UTF-8 without surrogates, [MQTT-1.5.3-2] no U+0000,
    [MQTT-1.5.3-3] a byte order mark is a character like any other.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as malformed:
        raise MalformedPacket(what, raw, "well-formed UTF-8", "MQTT-1.5.3-1") from malformed
    if "\0" in text:
        raise MalformedPacket(what, text, "text without U+0000", "MQTT-1.5.3-2")
    return text


def encode_text(text: str, what: str) -> bytes:
    """Return the string as it goes on the wire, behind its length in two bytes, or raise :class:`InvalidField`."""
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError as surrogate:
        raise InvalidField(what, text, "text without surrogates", "MQTT-1.5.3-1") from surrogate
    if "\0" in text:
        raise InvalidField(what, text, "text without U+0000", "MQTT-1.5.3-2")
    return encode_binary(raw, what)


def encode_binary(raw: bytes, what: str) -> bytes:
    """Return the bytes behind their length in two bytes, or raise :class:`InvalidField` beyond 65,535 bytes."""
    if len(raw) > MAX_TEXT_BYTES:
        raise InvalidField(f"length of {what}", len(raw), f"up to {MAX_TEXT_BYTES} bytes", "section 1.5.3")
    return len(raw).to_bytes(2, "big") + raw


def check_topic(topic: str, what: str, error: type[WireError] = InvalidField) -> None:
    """Raise ``error`` unless this is a topic name: at least one character, no wildcards.

    Source: [MQTT-4.7.3-1] one character or more, [MQTT-3.3.2-2] no wildcards.
    """
    if not topic:
        raise error(what, topic, "one character or more", "MQTT-4.7.3-1")
    if "+" in topic or "#" in topic:
        raise error(what, topic, "a name without the wildcards + and #", "MQTT-3.3.2-2")


def check_filter(topic_filter: str, what: str = "topic filter", error: type[WireError] = InvalidField) -> None:
    """Raise ``error`` unless this is a topic filter: wildcards, if any, fill whole levels, ``#`` only the last.

    Source: [MQTT-4.7.3-1] one character or more, [MQTT-4.7.1-2] place of ``#``, [MQTT-4.7.1-3] place of ``+``.
    """
    if not topic_filter:
        raise error(what, topic_filter, "one character or more", "MQTT-4.7.3-1")
    levels = topic_filter.split("/")
    if any("#" in level for level in levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        raise error(what, topic_filter, "# only as the whole last level", "MQTT-4.7.1-2")
    if any("+" in level and level != "+" for level in levels):
        raise error(what, topic_filter, "+ only as a whole level", "MQTT-4.7.1-3")


@lru_cache(maxsize=1024)
def _levels(topic_filter: str) -> tuple[str, ...]:
    check_filter(topic_filter)
    return tuple(topic_filter.split("/"))


def matches(topic_filter: str, topic: str) -> bool:
    """Tell whether a subscription to the filter receives what is published on the topic name.

    ``sport/#`` includes ``sport`` itself; a filter that begins with a wildcard does not see topics that begin with
    ``$``. Raises :class:`InvalidField` for what is no filter.

    Source: sections 4.7.1.2 and 4.7.1.3, [MQTT-4.7.2-1].
    """
    levels = _levels(topic_filter)
    if topic.startswith("$") and levels[0] in ("+", "#"):
        return False
    names = topic.split("/")
    for depth, level in enumerate(levels):
        if level == "#":
            return True
        if depth == len(names) or level not in ("+", names[depth]):
            return False
    return len(levels) == len(names)
