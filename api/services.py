"""What routes are given: the database, care time, the settings of the web, and the health of this process."""

import asyncio
from dataclasses import dataclass, field

from pydantic import BaseModel, Field

from alerting.channels.twilio_account import TwilioConfig
from alerting.deployment import Deployment
from api.pulse import Pulse
from domain.clock import Clock
from domain.health import Health
from store.pool import Database


class WebConfig(BaseModel, frozen=True, extra="forbid"):
    """Settings of the web process."""

    dsn: str
    host: str = Field(default="127.0.0.1", description="Where it listens; a proxy with a certificate comes before")
    port: int = Field(default=8080, ge=0, le=65535, description="0 takes any free port")
    public_url: str = Field(
        default="http://127.0.0.1:8080", description="How people and providers reach us; no slash at the end"
    )
    deployment: Deployment = Deployment.PRODUCTION
    twilio: TwilioConfig | None = Field(
        default=None, description="Without it there are no call-backs from a phone network"
    )
    connections: int = Field(default=8, ge=1, le=100, description="At most so many to the database")


@dataclass(frozen=True, slots=True)
class Services:
    """Passed to every ``router(services)``. ``stopping`` is set when the process is about to end: streams end then.
    ``pulse`` beats when timelines may have grown.
    """

    database: Database
    clock: Clock
    config: WebConfig
    health: Health
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    pulse: Pulse = field(default_factory=Pulse)
