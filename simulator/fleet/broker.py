"""Where the broker is, from its URL."""

import ssl
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A broker's address; ``login`` is user and password for whoever has none of their own."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    login: tuple[str, str] | None

    @classmethod
    def at(cls, url: str) -> Self:
        """The broker of ``mqtt[s]://[user:password@]host[:port]``."""
        parts = urlsplit(url)
        secure = parts.scheme == "mqtts"
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(
            host=parts.hostname or "",
            port=parts.port or (8883 if secure else 1883),
            tls=ssl.create_default_context() if secure else None,
            login=(user, password) if user else None,
        )
