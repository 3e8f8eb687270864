"""What a lane is told when it starts."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from devices.model import Protocol
from devices.topics import ID_PATTERN

MISDATED_BEYOND = timedelta(hours=48)
"""A reading further than this from server time is kept apart, and is never "latest". Source: DESIGN section 6."""
MAX_PAYLOAD_BYTES = 65_536
"""A larger message is not read, but its coming is put on record. Source: issue 2, item 4."""


class LaneName(StrEnum):
    """Alarms overtake telemetry: each has a session, a process and connections of its own."""

    ALARM = "alarm"
    TELEMETRY = "telemetry"


class IngestConfig(BaseModel):
    """One lane of one partition."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    dsn: str
    broker_url: SecretStr
    """``mqtt://user:password@host:port``, or ``mqtts://`` for TLS."""
    ca_file: Path | None = None
    """Whom to trust with TLS; None: the system's authorities."""
    lane: LaneName
    partition: str = Field(default="p00", pattern=f"^{ID_PATTERN}$")
    """Its name: of the session at the broker, and of the lease."""
    cells: tuple[str, ...] = ()
    """The cells of this partition; none: all. Every cell needs a partition: nobody hears the cells that have none."""
    foreign: Mapping[str, Protocol] = {
        "zigbee2mqtt/#": Protocol.ZIGBEE2MQTT,
        "owntracks/#": Protocol.OWNTRACKS,
    }
    """Topic filters of other protocols, each with the protocol of its gateway; only one partition may have them."""
    flush_rows: int = Field(default=2000, ge=1)
    """Readings in a batch at most."""
    flush_ms: float = Field(default=50.0, gt=0)
    """How long the first message of a batch waits at most. Telemetry may; and each commit takes the disk, for which
    alarms wait: half as many batches leave more room than they cost.
    """
    window_batches: int = Field(default=2, ge=1)
    """Above so many batches without a commit nothing more is read from the broker: one that is being committed, and one
    that is gathered. The more messages are under way, the more each costs the broker.
    """
    alarm_threads: int = Field(default=3, ge=1)
    """So many connections commit alarms at the same time."""
    alarms_a_commit: int = Field(default=64, ge=1)
    """Alarms that are committed together at most, if several wait."""
    keep_alive_s: int = Field(default=15, ge=1, le=3600)
    """Of the connection to the broker."""
    lease_s: float = Field(default=5.0, gt=0)
    """How long a partition whose holder has died stays without one."""
    canary_s: float = Field(default=5.0, gt=0)
    """How often a message of our own goes through the broker and back."""
    clock_s: float = Field(default=1.0, gt=0)
    """How often care time, the registry and the lease are looked after."""

    @field_validator("broker_url")
    @classmethod
    def _is_mqtt(cls, url: SecretStr) -> SecretStr:
        parts = urlsplit(url.get_secret_value())
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            raise ValueError("broker_url must be mqtt://host[:port] or mqtts://host[:port]")
        return url

    @property
    def client_id(self) -> str:
        """The broker keeps the session, and the database the lease, under this name."""
        return f"ingest-{self.partition}-{self.lane}"

    @property
    def broker(self) -> "Broker":
        """Where the broker is and how to sign in."""
        parts = urlsplit(self.broker_url.get_secret_value())
        tls = parts.scheme == "mqtts"
        return Broker(
            host=parts.hostname or "",
            port=parts.port or (8883 if tls else 1883),
            tls=tls,
            ca_file=self.ca_file,
            username=unquote(parts.username) if parts.username else None,
            password=SecretStr(unquote(parts.password)) if parts.password else None,
        )


class Broker(BaseModel):
    """A broker's address and our credentials."""

    model_config = ConfigDict(frozen=True)

    host: str
    port: int
    tls: bool
    ca_file: Path | None
    username: str | None
    password: SecretStr | None

    @property
    def where(self) -> str:
        """The address, fit to be shown."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"
