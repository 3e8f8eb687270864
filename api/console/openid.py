"""The OpenID Connect provider that the console may ask who somebody is. Authlib and joserfc judge its tokens."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from alerting.channels.twilio_account import is_loopback
from api.console.settings import ConsoleConfig

_WITHIN_S: Final = 10.0
_KEPT_S: Final = 3600.0
_LEEWAY_S: Final = 60  # how far the provider's clock may be from ours
_SIGNED_WITH: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Only with keys of which we hold the public half: a token signed with a shared secret proves nothing."""


class ProviderAway(Exception):
    """The provider cannot be reached, or answers what it should not. The text is for the log."""


class NotBelieved(Exception):
    """The provider does not vouch for who came back, or its word does not hold. The text is for the log."""


@dataclass(frozen=True, slots=True)
class _Described:
    """What the provider says of itself, and until when it is believed without asking again (monotonic, seconds)."""

    metadata: Mapping[str, Any]
    keys: KeySet
    until_s: float


class Provider:
    """One provider, as ``config`` names it; what it says of itself is kept for an hour."""

    def __init__(self, config: ConsoleConfig) -> None:
        assert config.oidc_issuer is not None
        self.issuer = config.oidc_issuer
        self._config = config
        self._secret = config.oidc_secret
        self._described: _Described | None = None

    @property
    def callback(self) -> str:
        """Where the provider sends people back to; it has to know this address."""
        return f"{self._config.console_url}/sign-in/provider"

    async def way_in(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where to send a browser. Raises ProviderAway."""
        metadata = (await self._ask_for_description()).metadata
        address: str = prepare_grant_uri(
            str(metadata["authorization_endpoint"]),
            client_id=self._config.oidc_client_id,
            response_type="code",
            redirect_uri=self.callback,
            scope=self._config.oidc_scope,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return address

    async def who(self, code: str, *, nonce: str, verifier: str) -> Mapping[str, Any]:
        """The claims about who came back with ``code``, judged. Raises ProviderAway and NotBelieved."""
        described = await self._ask_for_description()
        answer = await self._exchanged(described.metadata, code, verifier)
        try:
            token = self._read(described, answer["id_token"])
        except InvalidKeyIdError:  # its keys have been changed since we asked
            described = await self._ask_for_description(again=True)
            try:
                token = self._read(described, answer["id_token"])
            except (JoseError, ValueError) as error:
                raise NotBelieved(f"the ID token cannot be read: {error}") from error
        except (JoseError, ValueError) as error:
            raise NotBelieved(f"the ID token cannot be read: {error}") from error
        claims = CodeIDToken(
            token.claims,
            token.header,
            {"iss": {"essential": True, "value": self.issuer}, "aud": {"value": self._config.oidc_client_id}},
            {"nonce": nonce, "client_id": self._config.oidc_client_id, "access_token": answer.get("access_token")},
        )
        try:
            claims.validate(leeway=_LEEWAY_S)
        except JoseError as error:
            raise NotBelieved(f"the ID token does not hold: {error}") from error
        return dict(claims)

    def _read(self, described: _Described, id_token: str) -> jwt.Token:
        stated = described.metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        registry = JWSRegistry(algorithms=sorted(_SIGNED_WITH & set(stated)), strict_check_header=False)
        return jwt.decode(id_token, key=described.keys, registry=registry)

    async def _exchanged(self, metadata: Mapping[str, Any], code: str, verifier: str) -> Mapping[str, Any]:
        """The provider's tokens for ``code``, which counts once."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback,
            "code_verifier": verifier,
        }
        by_header = False
        if self._secret is None:
            form["client_id"] = self._config.oidc_client_id
        else:
            ways = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
            by_header = "client_secret_basic" in ways
            if not by_header:
                form |= {"client_id": self._config.oidc_client_id, "client_secret": self._secret}
        # Source: RFC 6749, 2.3.1: both are written as in a form before they are joined.
        login = httpx.BasicAuth(quote(self._config.oidc_client_id, safe=""), quote(self._secret or "", safe=""))
        endpoint = str(metadata["token_endpoint"])
        try:
            async with self._client() as client:
                answer = await client.post(endpoint, data=form, auth=login if by_header else httpx.USE_CLIENT_DEFAULT)
            told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderAway(f"{endpoint}: {error!r}") from error
        if answer.status_code != 200:
            reason = told.get("error", "") if isinstance(told, dict) else ""
            fault = ProviderAway if answer.status_code >= 500 else NotBelieved
            raise fault(f"{endpoint} answered {answer.status_code} {reason}")
        if not isinstance(told, dict) or not isinstance(told.get("id_token"), str):
            raise ProviderAway(f"{endpoint} answered without an ID token; does oidc_scope hold openid?")
        return told

    async def _ask_for_description(self, *, again: bool = False) -> _Described:
        now_s = time.monotonic()
        if self._described is not None and not again and now_s < self._described.until_s:
            return self._described
        address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        async with self._client() as client:
            metadata = await _fetched(client, address)
            if metadata.get("issuer") != self.issuer:
                raise ProviderAway(f"{address} is of the issuer {metadata.get('issuer')!r}, not {self.issuer!r}")
            missing = {"authorization_endpoint", "token_endpoint", "jwks_uri"} - metadata.keys()
            if missing:
                raise ProviderAway(f"{address} names no {', '.join(sorted(missing))}")
            keys = await _fetched(client, str(metadata["jwks_uri"]))
        try:
            described = _Described(metadata, KeySet.import_key_set(keys), now_s + _KEPT_S)  # type: ignore[arg-type]  # judged by it
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderAway(f"{metadata['jwks_uri']} holds no keys: {error!r}") from error
        self._described = described
        return described

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=_WITHIN_S, trust_env=not is_loopback(self.issuer))


async def _fetched(client: httpx.AsyncClient, address: str) -> Mapping[str, Any]:
    try:
        answer = (await client.get(address)).raise_for_status().json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ProviderAway(f"{address}: {error!r}") from error
    if not isinstance(answer, dict):
        raise ProviderAway(f"{address} answered no object")
    return answer
