"""Enrolment through the interface: create, read, change, retire, list, within a subtree."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from fixtures.web import Web

from domain.permissions import Scope

HOME: dict[str, Any] = {
    "code": "home-9",
    "organisation": "heping",
    "community": "和平村",
    "address": "三组9号",
    "lat": 36.5,
    "lon": 114.5,
}


async def test_a_home_is_created_read_changed_and_retired(web: Web) -> None:
    """The life of a record: versions count up, the retired one is listed apart and can come back."""
    async with web.client(await web.key()) as client:
        made = await client.put("/api/v1/households/home-9", json=HOME)
        assert made.status_code == 201, made.text
        read = await client.get("/api/v1/households/home-9")
        assert read.headers["etag"] == made.headers["etag"] == '"1"'
        changed = await client.put(
            "/api/v1/households/home-9", json=read.json() | {"address": "四组1号"}, headers={"If-Match": '"1"'}
        )
        assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
        assert (await client.get("/api/v1/households/home-9")).json()["address"] == "四组1号"
        retired = await client.delete("/api/v1/households/home-9", headers={"If-Match": '"2"'})
        assert retired.status_code == 204
        in_use = (await client.get("/api/v1/households")).json()["items"]
        out_of_use = (await client.get("/api/v1/households", params={"retired": True})).json()["items"]
        assert [one["code"] for one in in_use] == ["home-1", "home-2"]
        assert [one["code"] for one in out_of_use] == ["home-9"]
        back = await client.put("/api/v1/households/home-9", json=HOME, headers={"If-Match": '"3"'})
        assert back.json()["retired_at"] is None


async def test_the_same_again_changes_nothing(web: Web) -> None:
    """A PUT is idempotent: no new version, no entry in the audit trail."""
    async with web.client(await web.key()) as client:
        await client.put("/api/v1/households/home-9", json=HOME)
        again = await client.put("/api/v1/households/home-9", json=HOME, headers={"If-Match": '"1"'})
        trail = (await client.get("/api/v1/audit", params={"noun_id": "home-9"})).json()["items"]
    assert again.headers["etag"] == '"1"'
    assert [one["action"] for one in trail] == ["create"]


@pytest.mark.parametrize(
    ("headers", "status", "slug"),
    [
        ({}, 428, "if-match-needed"),
        ({"If-Match": '"7"'}, 412, "outdated"),
        ({"If-None-Match": "*"}, 412, "outdated"),
        ({"If-Match": "*"}, 200, None),
    ],
)
async def test_nobody_overwrites_what_they_have_not_read(
    web: Web, headers: dict[str, str], status: int, slug: str | None
) -> None:
    """If-Match is needed, and must name the present version."""
    async with web.client(await web.key()) as client:
        await client.put("/api/v1/households/home-9", json=HOME)
        answer = await client.put("/api/v1/households/home-9", json=HOME | {"address": "x"}, headers=headers)
    assert answer.status_code == status
    if slug is not None:
        assert answer.json()["type"] == f"/problems/{slug}"


async def test_every_field_at_fault_is_named_with_value_and_limit(web: Web) -> None:
    """All errors at once, in RFC 9457's form."""
    async with web.client(await web.key()) as client:
        answer = await client.put("/api/v1/households/home-9", json=HOME | {"phone": "+86110", "lat": 91, "mode": "x"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    faults = {one["field"]: one for one in answer.json()["errors"]}
    assert set(faults) == {"body.phone", "body.lat", "body.mode"}
    assert faults["body.lat"]["value"] == 91
    assert "90" in faults["body.lat"]["limit"]
    assert "'live' or 'drill'" in faults["body.mode"]["limit"]


async def test_what_is_not_there_cannot_be_named(web: Web) -> None:
    """A reference that leads nowhere is a fault of its field."""
    async with web.client(await web.key()) as client:
        answer = await client.put("/api/v1/households/home-9", json=HOME | {"organisation": "nowhere"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "field": "body.organisation",
            "value": "nowhere",
            "limit": "the code of one of the organisations in use here",
        }
    ]


async def test_a_home_with_people_in_it_is_not_retired(web: Web) -> None:
    """The answer says what is in the way."""
    async with web.client(await web.key()) as client:
        answer = await client.delete("/api/v1/households/home-1", headers={"If-Match": "*"})
    assert answer.status_code == 409
    assert "resident zhang-1" in answer.json()["detail"]
    assert "device band-1" in answer.json()["detail"]


async def test_lists_come_in_parts_and_can_be_narrowed(web: Web) -> None:
    """``next`` leads through the whole list, once each; filters narrow it."""
    async with web.client(await web.key()) as client:
        seen: list[str] = []
        cursor = None
        while True:
            part = (
                await client.get("/api/v1/devices", params={"limit": 3} | ({"cursor": cursor} if cursor else {}))
            ).json()
            seen += [one["device_id"] for one in part["items"]]
            cursor = part["next"]
            if cursor is None:
                break
        smoke = (await client.get("/api/v1/devices", params={"model": "test-smoke", "household": "home-2"})).json()
    assert seen == sorted(f"{name}-{n}" for name in ("button", "smoke", "band", "motion") for n in (1, 2))
    assert [one["device_id"] for one in smoke["items"]] == ["smoke-2"]


async def test_contacts_are_the_whole_list(web: Web) -> None:
    """A number that is no longer named is struck off; one that stays keeps what is known of it."""
    voice = {"channel": "voice", "address": "+8613900000001", "rank": 0}
    async with web.client(await web.key()) as client:
        read = await client.get("/api/v1/responders/daughter")
        assert len(read.json()["contacts"]) == 2
        async with web.services.database.transaction() as connection:
            await connection.execute("UPDATE contacts SET confirmed_at = now() WHERE channel = 'voice'")
        changed = await client.put(
            "/api/v1/responders/daughter",
            json=read.json() | {"contacts": [voice]},
            headers={"If-Match": read.headers["etag"]},
        )
    assert changed.json()["contacts"] == [voice]
    async with web.services.database.transaction() as connection:
        rows = await (
            await connection.execute(
                "SELECT c.channel, confirmed_at IS NOT NULL FROM contacts c JOIN responders r ON r.id = responder_id"
                " WHERE r.code = 'daughter'"
            )
        ).fetchall()
    assert rows == [("voice", True)]


async def test_the_circle_of_a_home_is_replaced_whole(web: Web) -> None:
    """Who is left out is struck off; the list has an ETag of its own."""
    async with web.client(await web.key()) as client:
        read = await client.get("/api/v1/households/home-1/circles")
        assert [one["responder"] for one in read.json()] == ["daughter", "son", "neighbour"]
        wanted = [one | {"rank": 5} for one in read.json() if one["responder"] != "son"]
        blind = await client.put("/api/v1/households/home-1/circles", json=wanted)
        assert blind.status_code == 428
        changed = await client.put(
            "/api/v1/households/home-1/circles", json=wanted, headers={"If-Match": read.headers["etag"]}
        )
        assert changed.status_code == 200, changed.text
        again = await client.get("/api/v1/households/home-1/circles")
    assert {one["responder"]: one["rank"] for one in again.json()} == {"daughter": 5, "neighbour": 5}
    assert again.headers["etag"] == changed.headers["etag"]


async def test_a_home_and_an_organisation_of_one_code_keep_their_circles_apart(web: Web) -> None:
    """Codes are unique within a noun only."""
    async with web.client(await web.key()) as client:
        await client.put("/api/v1/households/town", json=HOME | {"code": "town"})
        assert (await client.get("/api/v1/households/town/circles")).json() == []
        emptied = await client.put("/api/v1/households/town/circles", json=[], headers={"If-Match": "*"})
        assert emptied.status_code == 200
        town = (await client.get("/api/v1/organisations/town/circles")).json()
    assert {one["circle"] for one in town} == {"care_service", "duty_desk"}


async def test_a_list_cannot_smuggle_in_another_record(web: Web) -> None:
    """Members of another home are refused, with their place in the list."""
    async with web.client(await web.key()) as client:
        answer = await client.put(
            "/api/v1/households/home-1/circles",
            json=[{"household": "home-2", "circle": "children", "responder": "son"}],
            headers={"If-Match": "*"},
        )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body.0.household"


async def test_rosters_are_kept(web: Web) -> None:
    """Weekly shifts and their exceptions, of an organisation."""
    shift = {
        "organisation": "town",
        "circle": "duty_desk",
        "responder": "desk",
        "weekday": 6,
        "starts": "20:00:00",
        "ends": "08:00:00",
    }
    override = {
        "organisation": "town",
        "circle": "duty_desk",
        "responder": "desk",
        "starts_at": "2026-03-08T12:00:00Z",
        "ends_at": "2026-03-09T00:00:00Z",
        "on_duty": False,
    }
    async with web.client(await web.key()) as client:
        for path, body in (("shifts", [shift]), ("roster-overrides", [override])):
            answer = await client.put(f"/api/v1/organisations/town/{path}", json=body, headers={"If-Match": "*"})
            assert answer.status_code == 200, answer.text
            assert (await client.get(f"/api/v1/organisations/town/{path}")).json() == body


async def test_consent_is_given_and_withdrawn(web: Web) -> None:
    """A consent that is left out is withdrawn and stays on the record."""
    consent = {
        "resident": "zhang-1",
        "purpose": "location",
        "recipient": "integrators",
        "given_by": "resident",
        "valid_from": "2026-03-01T00:00:00Z",
        "valid_until": None,
    }
    async with web.client(await web.key()) as client:
        path = "/api/v1/residents/zhang-1/consents"
        given = await client.put(path, json=[consent], headers={"If-Match": "*"})
        assert given.json() == [consent]
        withdrawn = await client.put(path, json=[], headers={"If-Match": given.headers["etag"]})
        assert withdrawn.json() == []
    async with web.services.database.transaction() as connection:
        row = await (await connection.execute("SELECT withdrawn_at FROM consents")).fetchone()
    assert row == (web.clock.now(),)


async def test_whoever_acts_may_say_where_a_resident_is(web: Web) -> None:
    """An operator hears that she is in hospital and says so, without managing anything."""
    async with web.client(await web.key(scopes={Scope.ACT})) as client:
        answer = await client.put(
            "/api/v1/residents/zhang-1/state", json={"state": "hospital", "until": "2026-03-20T00:00:00Z"}
        )
        refused = await client.get("/api/v1/residents/zhang-1")
    assert answer.json()["state"] == "hospital"
    assert refused.status_code == 403


async def test_a_device_is_registered_bound_moved_and_retired_and_its_password_is_shown_once(web: Web) -> None:
    """The life of a device."""
    async with web.client(await web.key()) as client:
        path = "/api/v1/devices/new-1"
        made = await client.put(path, json={"device_id": "new-1", "cell": "qinghe", "model": "test-button"})
        assert made.status_code == 201, made.text
        bound = await client.put(
            path,
            json=made.json() | {"household": "home-1", "resident": "zhang-1", "mode": None},
            headers={"If-Match": made.headers["etag"]},
        )
        assert bound.status_code == 200, bound.text
        wrong = await client.put(path, json=bound.json() | {"resident": "zhang-2"}, headers={"If-Match": "*"})
        assert wrong.json()["errors"][0]["limit"] == "a resident of home-1"
        first = await client.post(f"{path}/password")
        second = await client.post(f"{path}/password")
        assert first.json()["password"] != second.json()["password"]
        retired = await client.delete(path, headers={"If-Match": "*"})
        assert retired.status_code == 204
        assert (await client.post(f"{path}/password")).status_code == 409
    async with web.services.database.transaction() as connection:
        row = await (
            await connection.execute("SELECT credential_hash, credential_pbkdf2 FROM devices WHERE device_id='new-1'")
        ).fetchone()
    assert row == (None, None)


async def test_the_devices_of_a_home_follow_it_into_a_drill(web: Web) -> None:
    """Whether real people are called follows from the home, at once."""
    async with web.client(await web.key()) as client:
        home = await client.get("/api/v1/households/home-1")
        await client.put(
            "/api/v1/households/home-1",
            json=home.json() | {"mode": "drill"},
            headers={"If-Match": home.headers["etag"]},
        )
    async with web.services.database.transaction() as connection:
        cursor = await connection.execute("SELECT device_id FROM devices WHERE mode = 'drill' ORDER BY 1")
        assert [row[0] for row in await cursor.fetchall()] == ["band-1", "button-1", "motion-1", "smoke-1"]


async def test_device_models_belong_to_the_top(web: Web) -> None:
    """A town reads them and may not change what other towns rely on."""
    model = {"model": "test-button", "kind": "call_button", "protocol": "native", "silent_after_s": 60}
    async with web.client(await web.key("town")) as client:
        assert (await client.get("/api/v1/device-models/test-button")).json()["silent_after_s"] == 90000
        refused = await client.put("/api/v1/device-models/test-button", json=model, headers={"If-Match": "*"})
        assert refused.status_code == 403
    async with web.client(await web.key()) as client:
        allowed = await client.put("/api/v1/device-models/test-button", json=model, headers={"If-Match": "*"})
        assert allowed.json()["silent_after_s"] == 60


async def test_keys_are_shown_once_give_no_more_than_their_maker_has_expire_and_are_retired(web: Web) -> None:
    """The life of a key."""
    async with web.client(await web.key("town", {Scope.READ, Scope.MANAGE})) as client:
        too_much = await client.post("/api/v1/keys", json={"name": "x", "organisation": "town", "scopes": ["health"]})
        assert too_much.status_code == 403
        outside = await client.post("/api/v1/keys", json={"name": "x", "organisation": "county", "scopes": ["read"]})
        assert outside.status_code == 422
        body = {"name": "x", "organisation": "heping", "scopes": ["read"], "expires_at": "2026-03-04T05:00:00Z"}
        made = (await client.post("/api/v1/keys", json=body)).json()
        assert made["key"].startswith("cw_")
        listed = (await client.get("/api/v1/keys")).text
        assert made["key"] not in listed
        async with web.client(made["key"]) as holder:
            assert (await holder.get("/api/v1/households")).status_code == 200
            web.clock.forward(timedelta(hours=1))
            assert (await holder.get("/api/v1/households")).status_code == 401
        forever = (await client.post("/api/v1/keys", json=body | {"expires_at": None})).json()
        assert (await client.delete(f"/api/v1/keys/{forever['id']}")).status_code == 204
        async with web.client(forever["key"]) as holder:
            assert (await holder.get("/api/v1/households")).status_code == 401


async def test_accounts_are_made_and_retired(web: Web) -> None:
    """The password is kept as argon2id and shown to nobody."""
    body = {"name": "li", "organisation": "town", "role": "operator", "password": "eleven wild geese"}
    async with web.client(await web.key("town", {Scope.MANAGE})) as client:
        made = await client.post("/api/v1/users", json=body)
        assert made.status_code == 201, made.text
        twice = await client.post("/api/v1/users", json=body)
        assert twice.status_code == 409
        assert "password" not in (await client.get("/api/v1/users")).text
        assert (await client.delete("/api/v1/users/li")).status_code == 204
        assert (await client.get("/api/v1/users")).json()["items"][0]["retired_at"] is not None
    async with web.services.database.transaction() as connection:
        row = await (await connection.execute("SELECT password_hash FROM users")).fetchone()
    assert row is not None
    assert row[0].startswith("$argon2id$")


async def test_every_view_of_a_person_is_in_the_audit_trail(web: Web) -> None:
    """Lists count as well; a town's auditor sees the town's actors only."""
    async with web.client(await web.key("town", {Scope.READ})) as client:
        await client.get("/api/v1/residents/zhang-1")
        await client.get("/api/v1/residents")
    async with web.client(await web.key("town", {Scope.AUDIT})) as auditor:
        trail = (await auditor.get("/api/v1/audit", params={"noun": "residents"})).json()["items"]
    async with web.client(await web.key("baisha", {Scope.AUDIT})) as stranger:
        other = (await stranger.get("/api/v1/audit")).json()["items"]
    assert sorted((one["action"], one["noun_id"]) for one in trail) == [
        ("view", "zhang-1"),
        ("view", "zhang-1"),
        ("view", "zhang-2"),
    ]
    assert other == []


@pytest.mark.parametrize("key", [None, "cw_unknown", ""])
async def test_without_a_good_key_nothing_is_said(web: Web, key: str | None) -> None:
    """401, and how to sign in."""
    async with web.client(key) as client:
        answer: httpx.Response = await client.get("/api/v1/households")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
