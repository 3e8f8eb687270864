"""Settings of the console; apart, so that reading them loads no page."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from alerting.channels.twilio_account import is_loopback
from domain.permissions import Grant, Role


class GrantConfig(BaseModel, frozen=True, extra="forbid"):
    """What a value of the provider's claim gives."""

    role: Role
    organisation: str

    @field_validator("role")
    @classmethod
    def _of_a_person(cls, role: Role) -> Role:
        if role is Role.SYSTEM:
            raise ValueError("`system` is for the platform itself")
        return role

    @property
    def grant(self) -> Grant:
        """The same for the store."""
        return Grant(role=self.role, organisation=self.organisation)


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
    oidc_issuer: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s?#]+$",
        description="An OpenID Connect provider through which people sign in as well, as its discovery names it; none:"
        " local accounts only",
    )
    oidc_client_id: str = Field(
        default="", validate_default=True, description="What the provider knows this console by; needed with an issuer"
    )
    oidc_secret_file: Path | None = Field(
        default=None, description="File with the client's secret; none: a public client"
    )
    oidc_scope: str = Field(default="openid profile", pattern=r"(^|\s)openid(\s|$)", description="What is asked for")
    oidc_name_claim: str = Field(
        default="preferred_username", min_length=1, description="The claim that names a new account"
    )
    oidc_claim: str = Field(
        default="groups", min_length=1, description="The claim whose value, or one of whose values, gives rights"
    )
    oidc_grants: dict[str, GrantConfig] = Field(
        default={},
        description="By value of that claim: role and organisation (its code). None: only accounts made with"
        " `carewatch users add --subject` come in through the provider",
    )

    @field_validator("oidc_issuer")
    @classmethod
    def _sealed(cls, issuer: str | None) -> str | None:
        if issuer is not None and issuer.startswith("http:") and not is_loopback(issuer):
            raise ValueError("must be https: else anybody on the way could be anybody")
        return issuer

    @field_validator("oidc_client_id")
    @classmethod
    def _known_by(cls, client_id: str, read: ValidationInfo) -> str:
        if read.data.get("oidc_issuer") is not None and not client_id:
            raise ValueError("needed, because oidc_issuer is set")
        return client_id

    @property
    def oidc_secret(self) -> str | None:
        """The client's secret; None for a public client. Raises OSError."""
        return None if self.oidc_secret_file is None else self.oidc_secret_file.read_text("utf-8").strip()
