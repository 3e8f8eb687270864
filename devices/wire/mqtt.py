"""MQTT 3.1.1, sans-io: what ingest and the simulator share. Import from here; the files behind it are one idea each.

==================== =================================================================
mqtt_packets         the control packets as structs
mqtt_text            strings, topic names, topic filters
mqtt_encode          packets into bytes
mqtt_body            bodies of control packets into structs
mqtt_parser          a stream of bytes into packets
mqtt_session         one connection seen from the client: what to answer, and when
==================== =================================================================
"""

from devices.wire.errors import (
    InvalidField,
    MalformedPacket,
    PacketTooLarge,
    PeerError,
    SessionUnavailable,
    UnexpectedPacket,
    WireError,
)
from devices.wire.mqtt_encode import encode, encode_pubacks, encode_publish, encode_pubrecs
from devices.wire.mqtt_packets import (
    SUBSCRIPTION_REFUSED,
    ConnAck,
    Connect,
    ConnectCode,
    Disconnect,
    Incoming,
    Oversized,
    Packet,
    PingReq,
    PingResp,
    PubAck,
    PubComp,
    Publish,
    PubRec,
    PubRel,
    SubAck,
    Subscribe,
    UnsubAck,
    Unsubscribe,
    Will,
)
from devices.wire.mqtt_parser import Parser, TopicCache
from devices.wire.mqtt_session import ClientSession, SessionState
from devices.wire.mqtt_text import check_filter, check_topic, matches

__all__ = [
    "SUBSCRIPTION_REFUSED",
    "ClientSession",
    "ConnAck",
    "Connect",
    "ConnectCode",
    "Disconnect",
    "Incoming",
    "InvalidField",
    "MalformedPacket",
    "Oversized",
    "Packet",
    "PacketTooLarge",
    "Parser",
    "PeerError",
    "PingReq",
    "PingResp",
    "PubAck",
    "PubComp",
    "PubRec",
    "PubRel",
    "Publish",
    "SessionState",
    "SessionUnavailable",
    "SubAck",
    "Subscribe",
    "TopicCache",
    "UnexpectedPacket",
    "UnsubAck",
    "Unsubscribe",
    "Will",
    "WireError",
    "check_filter",
    "check_topic",
    "encode",
    "encode_pubacks",
    "encode_publish",
    "encode_pubrecs",
    "matches",
]
