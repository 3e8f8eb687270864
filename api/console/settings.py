"""Settings of the console; apart, so that reading them loads no page."""

from typing import Literal

from pydantic import BaseModel, Field


class ConsoleConfig(BaseModel, frozen=True, extra="forbid"):
    """Settings of the console."""

    dsn: str
    host: str = Field(default="127.0.0.1", description="Where it listens; a proxy with a certificate comes before")
    port: int = Field(default=8081, ge=0, le=65535, description="0 takes any free port")
    console_url: str = Field(
        default="http://127.0.0.1:8081",
        pattern=r"^https?://[^\s]+[^/\s]$",
        description="How operators reach the console; no slash at the end. With https its cookies travel by https only",
    )
    session_hours: float = Field(
        default=12, gt=0, le=72, description="How long a sign-in lasts: a shift and its handing over"
    )
    map_tiles: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s'\";,]+$",
        description="Background of maps, as in `https://tiles.example/{z}/{x}/{y}.png`; none: no background",
    )
    map_attribution: str = Field(default="", description="Whom the tiles' licence wants to be named")
    map_datum: Literal["WGS-84", "GCJ-02"] = Field(
        default="WGS-84", description="What the tiles are drawn in; tiles made for mainland China are GCJ-02"
    )
    connections: int = Field(default=6, ge=2, le=100, description="At most so many to the database")
