"""Broker passwords of devices: made here, shown once, kept as hashes only, handed to brokers as their user files."""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import bcrypt
from psycopg.types.json import Jsonb

from devices.model import Protocol
from store.pool import Connection
from store.queries import queries

_PASSWORD_BYTES: Final = 18  # 144 bits in 24 characters

# A random password of 144 bits cannot be guessed, so the least cost protects it as well as the greatest; and when the
# power comes back in a county, a hundred thousand devices connect at once, each of which costs the broker one hash.
_BCRYPT_COST: Final = 4
# Source: mosquitto_passwd(1): PBKDF2 with SHA-512, 101 iterations by default; a salt of 12 bytes, a hash of 64.
_PBKDF2_ITERATIONS: Final = 101
_PBKDF2_SALT_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Credential:
    """A new password of a device, and the hashes that each broker wants."""

    device_id: str
    password: str = field(repr=False)
    bcrypt: str
    pbkdf2: str


@dataclass(frozen=True, slots=True)
class BrokerUser:
    """A device as a user of a broker."""

    device_id: str
    cell: str
    protocol: Protocol
    address: str | None
    bcrypt: str
    pbkdf2: str


def bcrypt_of(password: str) -> str:
    """The hash that nats-server takes for ``password``."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(_BCRYPT_COST, prefix=b"2a")).decode()


def pbkdf2_of(password: str) -> str:
    """The hash that mosquitto takes for ``password``."""
    salt = secrets.token_bytes(_PBKDF2_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _PBKDF2_ITERATIONS)
    return f"$7${_PBKDF2_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def new_credential(device_id: str) -> Credential:
    """A fresh random password for a device."""
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    return Credential(device_id, password, bcrypt_of(password), pbkdf2_of(password))


async def set_credentials(connection: Connection, credentials: Sequence[Credential]) -> set[str]:
    """Keep the hashes, and return the ids of the devices in use that have them now; a former password is void once
    the users of the broker are written anew.
    """
    rows = [{"device_id": one.device_id, "bcrypt": one.bcrypt, "pbkdf2": one.pbkdf2} for one in credentials]
    cursor = await connection.execute(queries("credentials").set_credentials, {"rows": Jsonb(rows)})
    return {row[0] for row in await cursor.fetchall()}


async def without_credentials(connection: Connection) -> list[str]:
    """The ids of devices in use that have no password yet."""
    return [row[0] for row in await (await connection.execute(queries("credentials").without_credentials)).fetchall()]


async def broker_users(connection: Connection) -> list[BrokerUser]:
    """Every device in use that has a password, in the order of ids."""
    cursor = await connection.execute(queries("credentials").broker_users)
    return [
        BrokerUser(device_id, cell, Protocol(protocol), address, bcrypt_hash, pbkdf2)
        for device_id, cell, protocol, address, bcrypt_hash, pbkdf2 in await cursor.fetchall()
    ]
