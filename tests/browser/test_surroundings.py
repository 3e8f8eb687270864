"""Readings around an incident and the line of where somebody was, in a real browser."""

from datetime import timedelta
from typing import Any

import pytest
from fixtures.browsers import PATIENCE_MS, barriers
from fixtures.consoles import Desk
from fixtures.town import NOON
from playwright.async_api import expect

from devices.model import Hazard
from domain.incident import SubjectKind
from domain.people import Language, Mode
from domain.permissions import Role
from store.incidents import OwnAlarm, raise_own
from store.registry import Noun, save

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]

expect.set_options(timeout=PATIENCE_MS)


async def _consents(desk: Desk, *purposes: str) -> None:
    written = [
        {"resident": "zhang-1", "purpose": purpose, "recipient": "duty_desk", "given_by": "resident"}
        for purpose in purposes
    ]
    async with desk.night.database.transaction() as connection:
        await save(connection, Noun.CONSENTS, written, now=NOON - timedelta(days=1))


async def _measured(desk: Desk, device: str, minutes_ago: float, **quantities: Any) -> None:
    """``device`` has been the resident's since the day before yesterday, and said this so many minutes before noon."""
    night = desk.night
    await night.query(
        """CREATE TABLE IF NOT EXISTS readings_of_the_night PARTITION OF readings
           FOR VALUES FROM ('2026-03-03Z') TO ('2026-03-05Z')"""
    )
    await night.query("UPDATE devices SET bound_at = %s", NOON - timedelta(days=2))
    at = NOON - timedelta(minutes=minutes_ago)
    names, values = list(quantities), list(quantities.values())
    await night.query(
        f"""INSERT INTO readings (device_key, at, digest, received_at, {", ".join(names)})
            VALUES (%s, %s, %s, %s, {", ".join(["%s"] * len(names))})""",
        *(night.town.devices[device], at, round(minutes_ago * 10), at, *values),
    )


async def _heart_incident(desk: Desk) -> int:
    """The shipped rule of heart rates, limits 40 and 130, has found something in the first home."""
    night = desk.night
    await night.query(
        """INSERT INTO rules (name, scope, version, rule, created_at, created_by)
           VALUES ('heart_rate', 'everyone', 1, '{"name": "heart_rate", "kind": "vitals", "hazard": "vitals",
                   "quantity": "heart_rate_bpm", "low": 40, "high": 131.5}', '2026-03-01Z', 'test')"""
    )
    town = night.town
    async with night.database.transaction() as connection:
        raised = await raise_own(
            connection,
            OwnAlarm(
                source="rule:heart_rate",
                identity="1",
                hazard=Hazard.VITALS,
                subject_kind=SubjectKind.RESIDENT,
                subject_id=str(town.residents["zhang-1"]),
                organisation_id=town.organisations["heping"],
                mode=Mode.LIVE,
                household_id=town.households["home-1"],
                resident_id=town.residents["zhang-1"],
                device_key=town.devices["band-1"],
                reason="beyond_limit_for",
                evidence={},
            ),
            now=NOON,
        )
    assert raised is not None
    return raised[0]


async def test_readings_are_plotted_told_in_words_and_go_on_living(duty_desk: Desk) -> None:
    """What exists is plotted, with alarm and limits; a new reading appears by itself; nothing older than six hours."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    await desk.account("wang", language=Language.ZH)
    await _consents(desk, "health")
    for minutes_ago, pulse in ((500, 30), (120, 70), (60, 72), (5, 141)):
        await _measured(desk, "band-1", minutes_ago, heart_rate_bpm=pulse, battery_pct=80)
    await _measured(desk, "motion-1", 30, motion=True)
    await _measured(desk, "smoke-2", 30, smoke_level=3)  # another home
    incident = await _heart_incident(desk)
    async with desk.window("li", path=f"/incidents/{incident}") as li:
        pulse_plot = li.locator("[data-plot='heart_rate_bpm']")
        await expect(pulse_plot).to_contain_text("Last 141 /min at 11:55:00, lowest 70 /min, highest 141 /min.")
        await expect(pulse_plot.locator("canvas").first).to_be_visible()
        await expect(li.locator("[data-plot='motion']")).to_contain_text("Last at 11:30:00.")
        await expect(li.locator(".plot")).to_have_count(3)  # with the battery
        assert await barriers(li) == []
        limits = await li.evaluate(
            """async () => {
                const { echarts } = await import("nicegui-echart");
                const canvas = document.querySelector("[data-plot='heart_rate_bpm'] .plot-canvas");
                return echarts.getInstanceByDom(canvas).getOption().series[0].markLine.data.map((one) => one.yAxis);
            }"""
        )
        assert limits[1:] == [131.5, 40]

        await li.keyboard.press("n")
        await li.get_by_role("dialog").get_by_label("Note").fill("still typing")
        await _measured(desk, "band-1", 1, heart_rate_bpm=150)
        await _measured(desk, "band-1", 0.5, spo2_pct=88)
        await expect(pulse_plot).to_contain_text("highest 150 /min.")
        await expect(li.locator("[data-plot='spo2_pct']")).to_contain_text("Last 88 %")
        await expect(li.get_by_role("dialog").get_by_label("Note")).to_have_value("still typing")
    async with desk.window("wang", path=f"/incidents/{incident}") as wang:
        await expect(wang.locator("[data-plot='heart_rate_bpm']")).to_contain_text("最近 150 /min")
    rows = await night.query("SELECT actor, noun_id FROM audit WHERE detail ->> 'what' = 'readings, track' ORDER BY 1")
    assert rows == [("user:li", "zhang-1"), ("user:wang", "zhang-1")]


@pytest.mark.parametrize(("name", "role"), [("li", Role.OPERATOR), ("chen", Role.ADMINISTRATOR)])
async def test_health_needs_consent_and_the_role(duty_desk: Desk, name: str, role: Role) -> None:
    """Without consent the operator, and even with it the administrator, sees how the device is and no more."""
    desk, night = duty_desk, duty_desk.night
    await desk.account(name, role=role)
    if role is Role.ADMINISTRATOR:
        await _consents(desk, "health", "location")
    await _measured(desk, "band-1", 5, heart_rate_bpm=141, battery_pct=80, lat=36.01, lon=114.01, accuracy_m=9)
    incident = await night.raises()
    async with desk.window(name, path=f"/incidents/{incident}") as page:
        await expect(page.locator("[data-plot='battery_pct']")).to_contain_text("Last 80 %")
        await expect(page.locator(".plot")).to_have_count(1)
        await expect(page.locator(".map-last")).to_have_count(0)


async def test_nothing_measured_is_said_gently(duty_desk: Desk) -> None:
    """An incident of a home whose devices say nothing."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    incident = await night.raises()
    async with desk.window("li", path=f"/incidents/{incident}") as li:
        await expect(li.locator("#plots")).to_contain_text("Nothing was measured here in these hours")


async def test_the_line_of_where_she_was_grows(duty_desk: Desk) -> None:
    """Begin and last are marked with their times; a cell fix is called doubtful; the next position comes by itself."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    await _consents(desk, "location")
    places = ((60, 36.0005, 114.0, 8), (40, 36.004, 114.003, 10), (20, 36.02, 114.03, 900), (10, 36.008, 114.006, 12))
    for minutes_ago, lat, lon, accuracy in places:
        await _measured(desk, "band-1", minutes_ago, lat=lat, lon=lon, accuracy_m=accuracy)
    incident = await night.raises(Hazard.WANDER)
    async with desk.window("li", path=f"/incidents/{incident}") as li:
        await expect(li.locator(".map-start")).to_have_attribute("aria-label", "Line begins 11:00:00 · within 8 m")
        last = li.locator(".map-last")
        await expect(last).to_have_attribute("aria-label", "Last at 11:50:00 · within 12 m")
        assert await barriers(li) == []
        await _measured(desk, "band-1", 0.5, lat=36.03, lon=114.03, accuracy_m=1500)
        await expect(last).to_have_attribute(
            "aria-label", "Last at 11:59:30 · within 1500 m · doubtful: by cell or Wi-Fi"
        )
