"""The door of the console: who comes in, who does not, and for how long. No page is needed to try it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fixtures.consoles import PASSWORD
from fixtures.doors import browser_before, console_of
from fixtures.nights import Night

from api.console import sign_in
from api.console.door import SESSION
from domain.people import Language
from domain.permissions import Role
from store import sessions
from store.accounts import add_user, hash_password


@dataclass
class Door:
    """The door, an account called li, and a browser before it."""

    night: Night
    client: httpx.AsyncClient

    async def tries(
        self, password: str, *, name: str = "li", to: str = "/", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Fill in the form."""
        form = {"name": name, "password": password, "to": to}
        return await self.client.post("/sign-in", data=form, headers=headers or {})

    async def inside(self) -> bool:
        """True if the browser's cookie opens something."""
        token = self.client.cookies.get(SESSION) or ""
        async with self.night.database.transaction() as connection:
            return await sessions.visitor(connection, sessions.session_of(token)) is not None


@pytest.fixture
async def door(night: Night, dsn: str) -> AsyncIterator[Door]:
    """A door in the small town."""
    async with night.database.transaction() as connection:
        await add_user(
            connection,
            name="li",
            organisation="town",
            role=Role.OPERATOR,
            language=Language.ZH,
            password_hash=hash_password(PASSWORD),
        )
    async with browser_before(sign_in.router(console_of(night, dsn))) as client:
        yield Door(night, client)


async def test_name_and_password_open_and_signing_out_closes(door: Door) -> None:
    """The cookie is the browser's alone: no script and no other site gets it; signing out ends it."""
    answer = await door.tries(PASSWORD, to="/incidents/7?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/incidents/7?x=1")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert await door.inside()
    kept = door.client.cookies.get(SESSION)
    await door.client.post("/sign-out")
    door.client.cookies.set(SESSION, kept or "")
    assert not await door.inside()
    assert await door.night.query("SELECT actor, action FROM audit") == [("user:li", "sign_in")]


@pytest.mark.parametrize(
    ("name", "password"), [("li", "wrong wrong wrong"), ("nobody", PASSWORD), ("", ""), ("li", "")]
)
async def test_anything_else_is_refused_in_the_same_words(door: Door, name: str, password: str) -> None:
    """Which of the two was wrong is not said."""
    answer = await door.tries(password, name=name)
    assert answer.status_code == 401
    assert "账号与密码不符" in answer.text
    assert not await door.inside()


async def test_five_failures_lock_an_account_for_a_quarter_of_an_hour(door: Door) -> None:
    """Then the right password opens nothing, until the time is over; it is on the audit trail."""
    for _ in range(5):
        await door.tries("wrong wrong wrong")
    assert (await door.tries(PASSWORD)).status_code == 401
    actions = [row[0] for row in await door.night.query("SELECT action FROM audit ORDER BY id")]
    assert actions == ["refuse_sign_in"] * 4 + ["lock"]
    rows = await door.night.query("SELECT extract(epoch FROM locked_until - clock_timestamp()) FROM users")
    assert 840 < rows[0][0] <= 900
    await door.night.query("UPDATE users SET locked_until = clock_timestamp() - interval '1 s'")
    await door.tries("wrong wrong wrong")
    assert (await door.tries(PASSWORD)).status_code == 303
    assert await door.night.query("SELECT failed_sign_ins, locked_until FROM users") == [(0, None)]


async def test_a_few_failures_are_forgotten_with_a_success(door: Door) -> None:
    """Four slips today and one next week lock nobody out."""
    for _ in range(4):
        await door.tries("wrong wrong wrong")
    assert (await door.tries(PASSWORD)).status_code == 303
    await door.tries("wrong wrong wrong")
    assert (await door.tries(PASSWORD)).status_code == 303


@pytest.mark.parametrize(
    "ending",
    [
        "UPDATE sessions SET expires_at = clock_timestamp()",
        "UPDATE users SET retired_at = now()",
        "UPDATE organisations SET retired_at = now() WHERE code = 'town'",
    ],
)
async def test_a_session_ends_with_its_time_its_account_and_its_organisation(door: Door, ending: str) -> None:
    """At once, whatever the browser still holds."""
    await door.tries(PASSWORD)
    assert await door.inside()
    await door.night.query(ending)
    assert not await door.inside()


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}]
)
async def test_another_site_signs_nobody_in_or_out(door: Door, headers: dict[str, str]) -> None:
    """A form elsewhere that submits itself here is refused."""
    assert (await door.tries(PASSWORD, headers=headers)).status_code == 403
    await door.tries(PASSWORD)
    await door.client.post("/sign-out", headers=headers)
    assert await door.inside()


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
async def test_the_door_leads_to_our_own_pages_only(door: Door, to: str) -> None:
    """A link to the door cannot be bent to lead elsewhere after signing in."""
    assert (await door.tries(PASSWORD, to=to)).headers["location"] == "/"


async def test_the_language_of_an_account_is_remembered(door: Door) -> None:
    """Switched once, it stays, on other machines as well."""
    await door.tries(PASSWORD)
    await door.client.post("/language", data={"language": "en", "to": "/"})
    assert await door.night.query("SELECT language FROM users") == [("en",)]
    assert "Sign in" in (await door.client.get("/sign-in")).text


async def test_an_actor_sees_what_its_role_and_organisation_allow(door: Door) -> None:
    """An operator of the town: acts there, manages nothing."""
    await door.tries(PASSWORD)
    token: Any = door.client.cookies.get(SESSION)
    async with door.night.database.transaction() as connection:
        visitor = await sessions.visitor(connection, sessions.session_of(token))
    assert visitor is not None
    assert visitor.actor.id == "user:li"
    assert visitor.actor.organisation_id == door.night.town.organisations["town"]
    assert {scope.value for scope in visitor.actor.scopes} == {"read", "act", "health"}
