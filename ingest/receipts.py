"""Receipts "stored": a device, and so the resident, learns that her alarm is safe with us."""

from datetime import datetime

from devices.errors import Undecodable
from devices.native import Receipt, Stage, encode_receipt
from devices.topics import Channel, Topic


def receipt_topic(topic: str) -> str | None:
    """Where the device that spoke on ``topic`` listens for receipts; None unless it speaks the native protocol."""
    try:
        spoken = Topic.parse(topic)
    except Undecodable:
        return None
    return str(spoken._replace(channel=Channel.RECEIPT))


def stored(event_id: str, at: datetime) -> bytes:
    """The receipt for the alarm that the device calls ``event_id``."""
    return encode_receipt(Receipt(id=event_id, stage=Stage.STORED, at=at.timestamp()))
