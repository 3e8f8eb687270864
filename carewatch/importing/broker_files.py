"""Devices as users of a broker: who may connect, and about what each may speak and listen.

A native device publishes its own alarm, telemetry and status, and listens to its own receipts and commands. A device of
a foreign protocol (a gateway, say) speaks and listens below the topic it is registered at.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from carewatch.importing.private_files import private
from devices.model import Protocol
from devices.topics import ROOT, Channel
from store.credentials import BrokerUser, bcrypt_of, pbkdf2_of

_SAID: Final = (Channel.ALARM, Channel.TELEMETRY, Channel.STATUS)
_HEARD: Final = (Channel.RECEIPT, Channel.COMMAND)


@dataclass(frozen=True, slots=True)
class PlatformUser:
    """CareWatch itself, which speaks and listens to everything."""

    name: str
    password: str = field(repr=False)


def write_nats_users(path: Path, devices: Iterable[BrokerUser], platform: PlatformUser) -> int:
    """Write the users of nats-server, to be included in its ``authorization`` block, and return how many devices.

    A device may use the MQTT listener only. Source: nats-server's documentation of it: in subjects ``/`` becomes ``.``,
    ``.`` becomes ``//``, ``#`` becomes ``>``.
    """
    count = 0
    with private(path) as stream:
        stream.write("# Written by `carewatch devices broker-users`. Have nats-server read it anew with SIGHUP.\n")
        stream.write("users: [\n")
        stream.write(f"  {{user: {json.dumps(platform.name)}, password: {json.dumps(bcrypt_of(platform.password))}}}\n")
        for device in devices:
            says = json.dumps([_subject(topic) for topic in said_by(device)])
            hears = json.dumps([_subject(topic) for topic in heard_by(device)])
            stream.write(
                f"  {{user: {json.dumps(device.device_id)}, password: {json.dumps(device.bcrypt)},"
                f' allowed_connection_types: ["MQTT"], permissions: {{publish: {says}, subscribe: {hears}}}}}\n'
            )
            count += 1
        stream.write("]\n")
    return count


def write_mosquitto_users(passwords: Path, acl: Path, devices: Iterable[BrokerUser], platform: PlatformUser) -> int:
    """Write mosquitto's ``password_file`` and ``acl_file``, and return how many devices."""
    count = 0
    with private(passwords) as users, private(acl) as rules:
        users.write(f"{platform.name}:{pbkdf2_of(platform.password)}\n")
        rules.write("# Written by `carewatch devices broker-users`. Have mosquitto read it anew with SIGHUP.\n")
        rules.write(f"user {platform.name}\ntopic readwrite #\n\n")
        for device in devices:
            users.write(f"{device.device_id}:{device.pbkdf2}\n")
            rules.write(f"user {device.device_id}\n")
            rules.writelines(f"topic write {topic}\n" for topic in said_by(device))
            rules.writelines(f"topic read {topic}\n" for topic in heard_by(device))
            rules.write("\n")
            count += 1
    return count


def said_by(device: BrokerUser) -> list[str]:
    """The topics on which ``device`` may publish."""
    return [_own(device, channel) for channel in _SAID] if device.protocol is Protocol.NATIVE else _below(device)


def heard_by(device: BrokerUser) -> list[str]:
    """The topics to which ``device`` may subscribe."""
    return [_own(device, channel) for channel in _HEARD] if device.protocol is Protocol.NATIVE else _below(device)


def _own(device: BrokerUser, channel: Channel) -> str:
    return f"{ROOT}/{device.cell}/{device.device_id}/{channel.value}"


def _below(device: BrokerUser) -> list[str]:
    return [] if device.address is None else [device.address, f"{device.address}/#"]


def _subject(topic: str) -> str:
    return ".".join(_levels(topic))


def _levels(topic: str) -> Iterator[str]:
    for level in topic.split("/"):
        yield ">" if level == "#" else level.replace(".", "//")
