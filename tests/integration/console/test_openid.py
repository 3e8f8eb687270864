"""Signing in through a provider: who comes in, as what, and every way in which somebody does not."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fixtures.consoles import PASSWORD
from fixtures.doors import URL, browser_before, console_of
from fixtures.nights import Night
from fixtures.providers import CLIENT_ID, SECRET, TestProvider, a_key, provider_serving, told
from joserfc.jwk import OctKey

from api.console import openid_door, sign_in
from api.console.door import SESSION
from api.console.openid import Provider
from domain.people import Language
from domain.permissions import Role
from store import sessions
from store.accounts import add_user, hash_password

GRANTS = {
    "qinghe-desk": {"role": "operator", "organisation": "town"},
    "county-audit": {"role": "auditor", "organisation": "county"},
    "gone": {"role": "operator", "organisation": "nowhere"},
}


@dataclass
class Door:
    """A door with a provider, and a browser before it."""

    night: Night
    client: httpx.AsyncClient
    provider: TestProvider

    async def goes(self, to: str = "/") -> str:
        """To the provider and through it; where the provider sends the browser back to."""
        away = await self.client.get("/sign-in/provider/begin", params={"to": to})
        assert away.status_code == 303, away.text
        async with httpx.AsyncClient(trust_env=False) as outside:
            return (await outside.get(away.headers["location"])).headers["location"]

    async def comes(self, to: str = "/") -> httpx.Response:
        """All the way."""
        return await self.client.get(await self.goes(to))

    async def who(self) -> tuple[str, str, int] | None:
        """Name, role and organisation of whom the browser's cookie signs in."""
        token = self.client.cookies.get(SESSION) or ""
        async with self.night.database.transaction() as connection:
            visitor = await sessions.visitor(connection, sessions.session_of(token))
        return None if visitor is None else (visitor.name, str(visitor.actor.role), visitor.actor.organisation_id)


@pytest.fixture
async def door(night: Night, dsn: str, tmp_path: Path) -> AsyncIterator[Door]:
    """In the small town, where two groups of the provider have rights."""
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    async with provider_serving() as provider:
        console = console_of(
            night,
            dsn,
            oidc_issuer=provider.url,
            oidc_client_id=CLIENT_ID,
            oidc_secret_file=secret,
            oidc_grants=GRANTS,
        )
        routers = sign_in.router(console), openid_door.router(console, Provider(console.config))
        async with browser_before(*routers) as client:
            client.cookies.set("carewatch_language", "en")
            yield Door(night, client, provider)


async def test_a_grant_makes_an_account_with_these_rights_and_no_more(door: Door) -> None:
    """The group of the desk is an operator of the town; the page that was wanted comes next, by a page of ours."""
    door.provider.claims["groups"] = ["staff", "qinghe-desk"]
    answer = await door.comes(to="/incidents/7?x=1")
    assert answer.status_code == 200
    assert 'content="0; url=/incidents/7?x=1"' in answer.text
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    assert await door.who() == ("li.hong", "operator", door.night.town.organisations["town"])
    assert await door.night.query("SELECT password_hash, issuer, subject, by_claims FROM users") == [
        (None, door.provider.url, "248289761001", True)
    ]
    trail = await door.night.query("SELECT actor, action, noun, noun_id FROM audit ORDER BY id")
    assert trail == [("openid", "create", "users", "li.hong"), ("user:li.hong", "sign_in", "users", "li.hong")]


async def test_rights_follow_the_claims_and_go_with_them(door: Door) -> None:
    """Another group next time: another role. None: no way in, and what was open is closed."""
    door.provider.claims["groups"] = ["qinghe-desk"]
    await door.comes()
    door.provider.claims |= {"groups": "county-audit", "preferred_username": "another.name"}
    await door.comes()
    assert await door.who() == ("li.hong", "auditor", door.night.town.organisations["county"])
    door.provider.claims["groups"] = []
    answer = await door.comes()
    assert (answer.status_code, "have no rights here" in answer.text) == (403, True)
    assert await door.who() is None
    assert await door.night.query("SELECT count(*) FROM users") == [(1,)]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (None, "have no rights here"),
        (["staff"], "have no rights here"),
        ({"qinghe-desk": True}, "have no rights here"),
        ([["qinghe-desk"], 7], "have no rights here"),
        (["gone"], "cannot be used"),
        (["qinghe-desk", "county-audit"], "more than one role"),
    ],
)
async def test_whoever_has_no_grant_or_two_stays_outside(door: Door, groups: Any, message: str) -> None:
    """Nothing is guessed, and no account is made."""
    door.provider.claims["groups"] = groups
    answer = await door.comes()
    assert answer.status_code == 403
    assert message in answer.text
    assert await door.who() is None
    assert await door.night.query("SELECT count(*) FROM users") == [(0,)]


async def test_an_account_made_here_keeps_the_rights_given_here(door: Door) -> None:
    """Whatever the provider's groups say."""
    async with door.night.database.transaction() as connection:
        await add_user(
            connection,
            name="hong",
            organisation="county",
            role=Role.SUPERVISOR,
            language=Language.EN,
            identity=(door.provider.url, "248289761001"),
        )
    door.provider.claims["groups"] = ["qinghe-desk"]
    await door.comes()
    assert await door.who() == ("hong", "supervisor", door.night.town.organisations["county"])
    await door.night.query("UPDATE users SET retired_at = now()")
    assert (await door.comes()).status_code == 403
    assert await door.who() is None


@pytest.mark.parametrize("name", ["li", "李红", "", None, 7, "a" * 65])
async def test_a_name_takes_over_no_account(door: Door, name: Any) -> None:
    """Somebody at the provider who bears the name of a local account, or none that can be used, stays outside."""
    async with door.night.database.transaction() as connection:
        await add_user(
            connection,
            name="li",
            organisation="county",
            role=Role.ADMINISTRATOR,
            language=Language.EN,
            password_hash=hash_password(PASSWORD),
        )
    door.provider.claims |= {"groups": ["qinghe-desk"], "preferred_username": name}
    answer = await door.comes()
    assert (answer.status_code, "cannot be used" in answer.text) == (403, True)
    assert await door.who() is None
    signed = await door.client.post("/sign-in", data={"name": "li", "password": PASSWORD})
    assert signed.status_code == 303
    assert await door.who() == ("li", "administrator", door.night.town.organisations["county"])


@pytest.mark.parametrize(
    "lie",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another client"},
        {"aud": [CLIENT_ID, "another client"]},
        {"aud": None},
        {"azp": "another client"},
        {"iss": "https://evil.example"},
        {"exp": int(time.time()) - 120},
        {"exp": None},
        {"iat": int(time.time()) + 3600},
        {"sub": None},
        {"at_hash": "bm90IHRoZSBoYXNoIQ"},
    ],
)
async def test_a_token_that_does_not_hold_opens_nothing(door: Door, lie: dict[str, Any]) -> None:
    """Signed by the right key all the same: it is for another sign-in, another client, another time."""
    door.provider.claims |= {"groups": ["qinghe-desk"]} | lie
    answer = await door.comes()
    assert (answer.status_code, "did not confirm who you are" in answer.text) == (401, True)
    assert await door.who() is None
    assert await door.night.query("SELECT count(*) FROM users") == [(0,)]


@pytest.mark.parametrize("kid", ["one", "two"])
async def test_a_token_of_a_key_that_is_not_the_providers_opens_nothing(door: Door, kid: str) -> None:
    """Signed by somebody else, under the name of its key or another one."""
    door.provider.claims["groups"] = ["qinghe-desk"]
    door.provider.signs_with = a_key(kid)
    answer = await door.comes()
    assert (answer.status_code, "did not confirm who you are" in answer.text) == (401, True)
    assert await door.who() is None


@pytest.mark.parametrize(("algorithm", "key"), [("RS512", None), ("HS256", OctKey.import_key(SECRET, {"kid": "one"}))])
async def test_a_token_signed_otherwise_than_agreed_opens_nothing(
    door: Door, algorithm: str, key: OctKey | None
) -> None:
    """By a way that the provider does not list, or with a secret that both sides hold, though it lists that."""
    door.provider.claims["groups"] = ["qinghe-desk"]
    door.provider.algorithm = algorithm
    door.provider.signs_with = key or door.provider.signs_with
    assert (await door.comes()).status_code == 401
    assert await door.who() is None


async def test_new_keys_of_the_provider_are_found(door: Door) -> None:
    """Keys are kept for an hour, and asked for again when a token names one that we do not know."""
    door.provider.claims["groups"] = ["qinghe-desk"]
    await door.comes()
    await door.comes()
    assert door.provider.keys_asked == 1
    door.provider.change_keys()
    assert (await door.comes()).status_code == 200
    assert door.provider.keys_asked == 2


async def test_a_sign_in_counts_once_and_in_its_own_browser(door: Door) -> None:
    """An address from the provider, sent to somebody else or used again, signs nobody in."""
    door.provider.claims["groups"] = ["qinghe-desk"]
    back = await door.goes()
    async with httpx.AsyncClient(transport=door.client._transport, base_url=URL) as stranger:
        assert (await stranger.get(back)).status_code == 400
        await stranger.get("/sign-in/provider/begin")
        assert (await stranger.get(back)).status_code == 400
    assert (await door.client.get(back)).status_code == 200
    door.client.cookies.clear()
    assert (await door.client.get(back)).status_code == 400
    later = await door.goes()
    await door.night.query("UPDATE openid_flows SET expires_at = clock_timestamp()")
    assert (await door.client.get(later)).status_code == 400
    assert (await door.client.get("/sign-in/provider")).status_code == 400
    assert (await door.client.get(f"/sign-in/provider?state={told(later)['state']}&code=x")).status_code == 400
    assert await door.who() is None


async def test_another_code_than_ours_opens_nothing(door: Door) -> None:
    """Somebody's own code, put into the sign-in of a victim, fails at the provider: it was begun with another word."""
    door.provider.claims["groups"] = ["qinghe-desk"]
    ours = told(await door.goes())
    theirs = told(await door.goes())
    mixed = httpx.QueryParams({"state": theirs["state"], "code": ours["code"]})
    assert (await door.client.get(f"/sign-in/provider?{mixed}")).status_code == 401
    assert await door.who() is None


async def test_whoever_is_refused_or_gives_up_at_the_provider_reads_so(door: Door) -> None:
    """Back at the door, with the way that was wanted kept."""
    state = told(await door.goes(to="/history"))["state"]
    answer = await door.client.get(f"/sign-in/provider?state={state}&error=access_denied")
    assert answer.status_code == 401
    assert "did not confirm who you are" in answer.text
    assert 'value="/history"' in answer.text


async def test_a_provider_that_is_away_is_said_to_be_and_passwords_go_on(door: Door, dsn: str) -> None:
    """Before somebody goes there, and after somebody came back."""
    door.provider.broken = True
    answer = await door.client.get("/sign-in/provider/begin")
    assert (answer.status_code, "cannot be reached just now" in answer.text) == (503, True)
    nobody = console_of(door.night, dsn, oidc_issuer="http://127.0.0.1:9", oidc_client_id=CLIENT_ID)
    async with browser_before(openid_door.router(nobody, Provider(nobody.config))) as client:
        assert (await client.get("/sign-in/provider/begin")).status_code == 503


async def test_an_issuer_that_is_called_otherwise_is_not_trusted(door: Door, dsn: str) -> None:
    """The description must be of the very issuer that the settings name."""
    other = console_of(door.night, dsn, oidc_issuer=f"{door.provider.url}/", oidc_client_id=CLIENT_ID)
    async with browser_before(openid_door.router(other, Provider(other.config))) as client:
        assert (await client.get("/sign-in/provider/begin")).status_code == 503


async def test_an_account_without_a_password_has_none(door: Door) -> None:
    """No password signs it in, however often it is tried, and trying locks nobody out."""
    door.provider.claims["groups"] = ["qinghe-desk"]
    await door.comes()
    door.client.cookies.delete(SESSION)
    for password in ("", "None", PASSWORD, "x", "y", "z"):
        answer = await door.client.post("/sign-in", data={"name": "li.hong", "password": password})
        assert answer.status_code == 401
    assert (await door.comes()).status_code == 200


async def test_the_door_shows_the_way_only_if_there_is_one(door: Door, dsn: str) -> None:
    """Without a provider in the settings there is neither button nor route."""
    assert "Sign in through 127.0.0.1" in (await door.client.get("/sign-in")).text
    console = console_of(door.night, dsn)
    async with browser_before(sign_in.router(console)) as client:
        page = await client.get("/sign-in")
    assert "/sign-in/provider" not in page.text
