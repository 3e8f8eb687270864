"""Readings, tracks and states: behind a scope, as far as consent goes, each look in the audit trail."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from fixtures.town import NOON
from fixtures.web import Web

from domain.permissions import Scope
from store.registry import Noun, save

BAND = "/api/v1/devices/band-1/readings"
TRACK = "/api/v1/residents/zhang-1/track"


@pytest.fixture
async def measured(web: Web) -> Web:
    """The town, an hour after noon; the first band has spoken every ten minutes since noon."""
    async with web.services.database.transaction() as connection:
        await connection.execute(
            "CREATE TABLE readings_of_the_day PARTITION OF readings FOR VALUES FROM ('2026-03-04') TO ('2026-03-06')"
        )
        for index in range(6):
            await connection.execute(
                """INSERT INTO readings (device_key, at, digest, received_at, lat, lon, heart_rate_bpm, battery_pct)
                   VALUES (%(band)s, %(at)s, %(digest)s, %(at)s, 36.0, 114.0, 70, 80)""",
                {"band": web.town.devices["band-1"], "at": NOON + index * timedelta(minutes=10), "digest": index},
            )
        await connection.execute(
            """INSERT INTO device_states (device_key, last_seen_at, online, lat, lon, position_at, worn, worn_at)
               VALUES (%(band)s, %(at)s, true, 36.0, 114.0, %(at)s, true, %(at)s)""",
            {"band": web.town.devices["band-1"], "at": NOON + timedelta(minutes=50)},
        )
    web.clock.forward(timedelta(hours=1))
    return web


async def _consent(web: Web, purpose: str, since: datetime = NOON, recipient: str = "integrators") -> None:
    async with web.services.database.transaction() as connection:
        record: dict[str, Any] = {
            "resident": "zhang-1",
            "purpose": purpose,
            "recipient": recipient,
            "given_by": "guardian",
            "valid_from": since.isoformat(),
        }
        await save(connection, Noun.CONSENTS, [record], now=web.clock.now())


async def test_without_consent_neither_location_nor_health_is_shown(measured: Web) -> None:
    """What remains is how the device is; the answer says what it withholds."""
    async with measured.client(await measured.key()) as client:
        answer = (await client.get(BAND)).json()
        track = await client.get(TRACK)
    assert len(answer["items"]) == 6
    assert {(one["lat"], one["heart_rate_bpm"], one["battery_pct"]) for one in answer["items"]} == {(None, None, 80)}
    assert answer["withheld"] == ["location", "health"]
    assert track.status_code == 403


@pytest.mark.parametrize(("purpose", "withheld"), [("location", ["health"]), ("health", ["location"])])
async def test_consent_opens_what_it_names_and_nothing_else(measured: Web, purpose: str, withheld: list[str]) -> None:
    """Location is one thing, health another."""
    await _consent(measured, purpose)
    async with measured.client(await measured.key()) as client:
        answer = (await client.get(BAND)).json()
        track = await client.get(TRACK)
    assert answer["withheld"] == withheld
    assert {one["lat"] for one in answer["items"]} == ({36.0} if purpose == "location" else {None})
    assert {one["heart_rate_bpm"] for one in answer["items"]} == ({70.0} if purpose == "health" else {None})
    assert track.status_code == (200 if purpose == "location" else 403)


async def test_consent_to_others_is_not_consent_to_integrators(measured: Web) -> None:
    """The duty desk may look; a key of the interface may not."""
    await _consent(measured, "location", recipient="duty_desk")
    async with measured.client(await measured.key()) as client:
        assert (await client.get(TRACK)).status_code == 403


async def test_what_was_measured_before_consent_stays_unseen(measured: Web) -> None:
    """Consent given at half past does not open what happened before."""
    await _consent(measured, "location", since=NOON + timedelta(minutes=30))
    async with measured.client(await measured.key()) as client:
        answer = (await client.get(BAND)).json()
        track = (await client.get(TRACK)).json()
    assert [one["lat"] for one in answer["items"]] == [None, None, None, 36.0, 36.0, 36.0]
    assert len(track["items"]) == 3


async def test_what_a_device_measured_for_somebody_else_stays_hers(measured: Web) -> None:
    """A band that is given to another resident shows only what it measured for her."""
    await _consent(measured, "location")
    async with measured.client(await measured.key()) as client:
        band = (await client.get("/api/v1/devices/band-1")).json()
        moved = await client.put(
            "/api/v1/devices/band-1",
            json=band | {"household": "home-2", "resident": "zhang-2"},
            headers={"If-Match": "*"},
        )
        assert moved.status_code == 200, moved.text
        assert (await client.get(TRACK)).json()["items"] == []
        back = await client.put("/api/v1/devices/band-1", json=band, headers={"If-Match": "*"})
        assert back.status_code == 200
        assert {one["lat"] for one in (await client.get(BAND)).json()["items"]} == {None}


async def test_withdrawn_consent_closes_the_view_at_once(measured: Web) -> None:
    """The next question is refused."""
    await _consent(measured, "location")
    async with measured.client(await measured.key()) as client:
        assert (await client.get(TRACK)).status_code == 200
        await client.put("/api/v1/residents/zhang-1/consents", json=[], headers={"If-Match": "*"})
        assert (await client.get(TRACK)).status_code == 403


async def test_the_scope_health_is_needed(measured: Web) -> None:
    """Consent alone is not enough."""
    await _consent(measured, "location")
    async with measured.client(await measured.key(scopes={Scope.READ})) as client:
        assert (await client.get(BAND)).status_code == 403
        assert (await client.get(TRACK)).status_code == 403
        state = (await client.get("/api/v1/devices/band-1/state")).json()
    assert (state["online"], state["lat"], state["worn"]) == (True, None, None)
    async with measured.client(await measured.key()) as client:
        state = (await client.get("/api/v1/devices/band-1/state")).json()
    assert (state["online"], state["lat"], state["worn"]) == (True, 36.0, None)


async def test_long_stretches_come_in_parts(measured: Web) -> None:
    """``next`` leads through everything, once each, in order of time."""
    await _consent(measured, "location")
    async with measured.client(await measured.key()) as client:
        for path in (BAND, TRACK):
            seen: list[str] = []
            asked: dict[str, Any] = {"limit": 4}
            while True:
                part = (await client.get(path, params=asked)).json()
                seen += [one["at"] for one in part["items"]]
                if part["next"] is None:
                    break
                asked["cursor"] = part["next"]
            assert seen == sorted(set(seen))
            assert len(seen) == 6


@pytest.mark.parametrize(
    "asked",
    [
        {"since": "2026-03-05T00:00:00Z"},
        {"since": "2026-01-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"},
        {"cursor": "AAAA"},
        {"since": "yesterday"},
    ],
)
async def test_senseless_stretches_are_refused(measured: Web, asked: dict[str, str]) -> None:
    """Which end must come first, and how long a stretch may be."""
    async with measured.client(await measured.key()) as client:
        answer = await client.get(BAND, params=asked)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith("query.")


async def test_every_look_is_in_the_audit_trail(measured: Web) -> None:
    """Readings, track and state, each with what was looked at."""
    await _consent(measured, "location")
    async with measured.client(await measured.key()) as client:
        for path in (BAND, TRACK, "/api/v1/devices/band-1/state"):
            await client.get(path)
        trail = (await client.get("/api/v1/audit", params={"noun": "residents", "noun_id": "zhang-1"})).json()["items"]
    assert [one["detail"]["what"] for one in reversed(trail)] == ["readings", "track", "state"]


async def test_quarantine_is_seen_where_it_belongs(measured: Web) -> None:
    """By cell or device; what states no place, at the top; the payload only with the scope for health."""
    async with measured.services.database.transaction() as connection:
        for index, (cell, device) in enumerate(
            [("qinghe", None), ("baisha", None), (None, measured.town.devices["band-1"]), (None, None)]
        ):
            await connection.execute(
                """INSERT INTO quarantine (reason, topic, digest, device_key, cell, detail, payload, size_bytes,
                                           first_at, last_at)
                   VALUES ('bad_json', 'care/x', %(n)s, %(device)s, %(cell)s, 'x', 'abc', 3, %(at)s, %(at)s)""",
                {"n": index, "device": device, "cell": cell, "at": NOON},
            )
    seen = {}
    for organisation in ("county", "town", "baisha"):
        async with measured.client(await measured.key(organisation)) as client:
            items = (await client.get("/api/v1/quarantine")).json()["items"]
            seen[organisation] = [(one["cell"], one["device"]) for one in reversed(items)]
            assert {one["payload_base64"] for one in items} == {"YWJj"}
    assert seen == {
        "county": [("qinghe", None), ("baisha", None), (None, "band-1"), (None, None)],
        "town": [("qinghe", None), (None, "band-1")],
        "baisha": [("baisha", None)],
    }
    async with measured.client(await measured.key("town", {Scope.MANAGE})) as client:
        items = (await client.get("/api/v1/quarantine", params={"reason": "bad_json"})).json()["items"]
    assert {one["payload_base64"] for one in items} == {None}


async def test_the_overview_counts_what_is_in_the_subtree(measured: Web) -> None:
    """Devices, and how far the lanes are behind."""
    async with measured.services.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO canaries VALUES ('alarm', %(at)s, %(at)s)", {"at": NOON + timedelta(minutes=59)}
        )
    counted = {}
    for organisation in ("town", "baisha"):
        async with measured.client(await measured.key(organisation)) as client:
            counted[organisation] = (await client.get("/api/v1/overview")).json()
    assert (counted["town"]["devices"], counted["baisha"]["devices"]) == (8, 0)
    assert counted["town"]["lanes"][0]["behind_s"] == 60
