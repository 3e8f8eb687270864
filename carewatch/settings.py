"""All settings in one place: read, validated together, and passed down. Nobody below this package imports it.

Of several sources the first that states a value wins: the command line, environment variables (``CAREWATCH_`` and the
name, ``__`` between section and name, JSON for lists), a TOML file (``--config``), the defaults.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from alerting.channels.twilio_account import TwilioConfig, is_loopback
from alerting.deployment import Deployment
from alerting.engine import EngineConfig
from alerting.sender import SenderConfig
from api.console.settings import ConsoleConfig
from api.services import WebConfig
from carewatch.embedded.nats import NatsServer
from carewatch.embedded.postgres import PostgresServer
from carewatch.errors import SettingFault, SettingsFault
from carewatch.logging import LogConfig
from carewatch.observe import ObserveConfig
from ingest.config import IngestConfig, LaneName

PREFIX: Final = "CAREWATCH_"
DELIMITER: Final = "__"
CONFIG_VARIABLE: Final = "CAREWATCH_CONFIG"

SHARED: Final = ("deployment", "dsn", "broker_url", "public_url", "twilio")
"""Stated once, at the top, and handed to every section that knows them."""

PLATFORM: Final = "platform"
"""CareWatch's own user at the embedded broker."""

_PLACEHOLDERS: Final = frozenset({"changeme", "change-me", "secret", "password", "passw0rd", "admin", "test", "xxx"})


class Settings(BaseSettings):
    """The settings of one installation; all its processes read the same."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=DELIMITER, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    deployment: Deployment = Field(
        default=Deployment.PRODUCTION,
        description="What it is for; anything but `production` reaches no phone but the stand-in's",
    )
    folder: Path = Field(default=Path(".carewatch"), description="Where the embedded database and broker live")
    dsn: SecretStr | None = Field(default=None, description="The PostgreSQL database; none: an embedded one")
    broker_url: SecretStr | None = Field(
        default=None, description="The MQTT broker, `mqtt[s]://user:password@host:port`; none: an embedded one"
    )
    broker_host: str = Field(default="127.0.0.1", description="Where the embedded broker listens")
    broker_port: int = Field(
        default=1883, ge=0, le=65535, description="Port of the embedded broker; 0: any free one, then always the same"
    )
    broker_password: SecretStr | None = Field(
        default=None,
        min_length=12,
        validate_default=True,
        description="Of `platform`, our own user at the embedded broker; with it every device needs the password that"
        " `carewatch devices credentials` gives it, without it the broker lets everybody in",
    )
    public_url: str = Field(
        default="http://127.0.0.1:8080",
        pattern=r"^https?://[^\s]+[^/\s]$",
        description="How people, providers and devices reach the web process; no slash at the end",
    )
    twilio: TwilioConfig | None = Field(default=None, description="The account for calls and texts; none: none go out")
    log: LogConfig
    observe: ObserveConfig
    ingest: IngestConfig
    engine: EngineConfig
    sender: SenderConfig
    web: WebConfig
    console: ConsoleConfig

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The command line, the environment, the file; no .env file, which the current folder could smuggle in."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @model_validator(mode="before")
    @classmethod
    def _hand_down(cls, stated: dict[str, Any]) -> dict[str, Any]:
        """Give every section what is stated once at the top."""
        shared = {name: stated[name] for name in SHARED if stated.get(name) is not None}
        folder = Path(stated.get("folder") or cls.model_fields["folder"].default).absolute()
        shared.setdefault("dsn", _embedded_dsn(folder))
        shared.setdefault("broker_url", _embedded_broker_url(folder, stated))
        shared.setdefault("public_url", cls.model_fields["public_url"].default)
        shared["lane"] = LaneName.ALARM  # each lane has it replaced, see lane()
        given = {**stated, "folder": folder}
        for name, section in sections().items():
            if name != "twilio" or stated.get("twilio") is not None:
                given[name] = _with_shared(section, stated.get(name), shared)
        return given

    @field_validator("dsn", "broker_url")
    @classmethod
    def _no_placeholder(cls, secret: SecretStr | None, read: ValidationInfo) -> SecretStr | None:
        password = urlsplit(secret.get_secret_value()).password if secret else None
        if password in _PLACEHOLDERS and read.data.get("deployment") is not Deployment.DEMO:
            raise ValueError("its password is a placeholder; put in a secret of your own")
        return secret

    @field_validator("broker_password")
    @classmethod
    def _no_open_broker(cls, password: SecretStr | None, read: ValidationInfo) -> SecretStr | None:
        host = read.data.get("broker_host", "")
        own = "broker_url" in read.data and read.data["broker_url"] is None
        if own and password is None and host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError(f"needed, because broker_host is {host!r}: else anybody could press for anybody")
        return password

    @field_validator("twilio")
    @classmethod
    def _only_the_stand_in(cls, twilio: TwilioConfig | None, read: ValidationInfo) -> TwilioConfig | None:
        """Invariant 9: a synthetic home never reaches a real phone. The sender asks the stand-in itself as well."""
        deployment = read.data.get("deployment", Deployment.PRODUCTION)
        if twilio is not None and deployment.synthetic and not is_loopback(twilio.base_url):
            raise ValueError(
                f"{twilio.base_url} is a real provider, but the deployment is {deployment}: its homes are made up and"
                " must never reach a real phone; use the stand-in on this machine, or set deployment to production"
            )
        return twilio

    def lane(self, name: LaneName) -> IngestConfig:
        """The settings of one lane."""
        return self.ingest.model_copy(update={"lane": name})

    @property
    def database_dsn(self) -> str:
        """Where the database is, stated or embedded."""
        return self.dsn.get_secret_value() if self.dsn else _embedded_dsn(self.folder)

    @property
    def broker(self) -> str:
        """Where the broker is, stated or embedded, as a URL with its credentials. An embedded one on any free port is
        known once it has been started.
        """
        stated = {
            "broker_host": self.broker_host,
            "broker_port": self.broker_port,
            "broker_password": self.broker_password,
        }
        return self.broker_url.get_secret_value() if self.broker_url else _embedded_broker_url(self.folder, stated)

    def embedded_database(self) -> PostgresServer:
        """The database of our own, to be used when no DSN is stated."""
        return PostgresServer(self.folder / "database")

    @property
    def broker_login(self) -> tuple[str, str] | None:
        """User and password of CareWatch itself at the embedded broker; None if it lets everybody in."""
        return None if self.broker_password is None else (PLATFORM, self.broker_password.get_secret_value())

    def embedded_broker(self) -> NatsServer:
        """The broker of our own, to be used when no URL is stated."""
        return NatsServer(
            self.folder / "broker",
            mqtt_port=self.broker_port,
            host=self.broker_host,
            users=self.broker_users_file if self.broker_login else None,
            credentials=self.broker_login,
        )

    @property
    def broker_users_file(self) -> Path:
        """Where the users of the embedded broker stand, if it has any."""
        return self.folder / "broker-users.conf"


def sections() -> dict[str, type[BaseModel]]:
    """The sections by name, each with the config class that its adapter owns."""
    found = {name: field.annotation for name, field in Settings.model_fields.items()}
    classes = {name: kind for name, kind in found.items() if isinstance(kind, type) and issubclass(kind, BaseModel)}
    return {"twilio": TwilioConfig, **classes}


def load(config: Path | None = None, *, environment: bool = True, **overrides: Any) -> Settings:
    """Read the settings.

    Args:
        config: a TOML file; by default the one that ``CAREWATCH_CONFIG`` names, if any.
        environment: False reads nothing from the environment.
        overrides: what the command line states; None states nothing.

    Raises:
        SettingsFault: with every setting that cannot be used, all at once.
    """
    named = os.environ.get(CONFIG_VARIABLE) if environment else None
    file = config or (Path(named) if named else None)
    if file is not None:
        _readable(file)
    stated = {name: value for name, value in overrides.items() if value is not None}
    faults = list(_unknown_variables()) if environment else []
    try:
        settings = _reading(file, environment)(**stated)
    except ValidationError as error:
        faults.extend(_faults(error))
    except SettingsError as error:
        faults.append(SettingFault("environment", "(not JSON)", str(error.__cause__ or error)))
    if faults:
        raise SettingsFault(faults)
    return settings


def _reading(file: Path | None, environment: bool) -> type[Settings]:
    class Reading(Settings):
        model_config = SettingsConfigDict(toml_file=file, env_prefix=PREFIX if environment else "\0")

    return Reading


def _readable(file: Path) -> None:
    try:
        tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsFault([SettingFault("config", str(file), f"must be a TOML file: {error}")]) from error


def _embedded_dsn(folder: Path) -> str:
    return PostgresServer(folder / "database").dsn


def _embedded_broker_url(folder: Path, stated: Mapping[str, Any]) -> str:
    fields = Settings.model_fields
    port = str(stated.get("broker_port", fields["broker_port"].default))
    host = stated.get("broker_host", fields["broker_host"].default)
    server = NatsServer(folder / "broker", host=host)  # knows the port it was given at its first start
    url = server.url if port == "0" else server.url.rpartition(":")[0] + f":{port}"
    password = stated.get("broker_password")
    if isinstance(password, SecretStr):
        password = password.get_secret_value()
    return url if not password else url.replace("://", f"://{PLATFORM}:{quote(password, safe='')}@", 1)


def _with_shared(section: type[BaseModel], stated: Any, shared: Mapping[str, Any]) -> Any:
    if stated is not None and not isinstance(stated, dict):
        return stated
    known = {name: value for name, value in shared.items() if name in section.model_fields}
    if "twilio" in known and isinstance(known["twilio"], dict):
        known["twilio"] = _with_shared(TwilioConfig, known["twilio"], shared)
    return {**known, **(stated or {})}


def _unknown_variables() -> Iterator[SettingFault]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {CONFIG_VARIABLE}
    for name in os.environ:
        if name.startswith(PREFIX) and name.partition(DELIMITER)[0].upper() not in known:
            yield SettingFault(name, "(set)", "no setting has this name")


def _faults(error: ValidationError) -> Iterator[SettingFault]:
    """Each fault once: what is stated at the top is judged by every section that is given it."""
    seen = set()
    for one in error.errors(include_url=False):
        path = [str(part) for part in one["loc"]]
        handed_down = [place for place, part in enumerate(path) if part in SHARED]
        path = path[handed_down[-1] :] if handed_down else path
        fault = SettingFault(".".join(path) or "settings", _shown(path, one), one["msg"].removeprefix("Value error, "))
        if fault not in seen:
            seen.add(fault)
            yield fault


_HIDDEN: Final = ("dsn", "broker_url", "token", "secret", "password", "key")


def _shown(path: list[str], one: ErrorDetails) -> str:
    if one["type"] == "missing":
        return "(not set)"
    hidden = any(word in path[-1] for word in _HIDDEN) if path else True
    return "(hidden)" if hidden or isinstance(one["input"], dict) else repr(one["input"])
