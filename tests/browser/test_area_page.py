"""An area incident in a real browser: the call-and-visit list, by click and by key, seen by two operators."""

import pytest
from fixtures.browsers import PATIENCE_MS, barriers
from fixtures.consoles import Desk
from fixtures.nights import Night
from playwright.async_api import expect

from devices.model import Hazard
from domain.incident import IncidentId, SubjectKind
from domain.people import Language
from domain.permissions import Role
from store.incidents import OwnAlarm, raise_own

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]

expect.set_options(timeout=PATIENCE_MS)


async def _dark_village(night: Night) -> IncidentId:
    """An area incident that speaks for the four devices of each of the three homes. Three homes are too few for the
    engine to find an area by itself.
    """
    heping = night.town.organisations["heping"]
    async with night.database.transaction() as connection:
        raised = await raise_own(
            connection,
            OwnAlarm(
                source="areas",
                identity="dark",
                hazard=Hazard.AREA_OUTAGE,
                subject_kind=SubjectKind.ORGANISATION,
                subject_id=str(heping),
                organisation_id=heping,
                reason="silent_together",
                evidence={"devices": 12, "homes": 3},
            ),
            now=night.now,
        )
    assert raised is not None
    await night.query(
        """INSERT INTO incidents (mode, subject_kind, subject_id, hazard, severity, organisation_id, level_id,
                                  device_key, area_id, opened_at, last_alarm_at, next_step_at)
           SELECT 'live', 'device', d.id::text, 'device_offline', 5, d.organisation_id, d.organisation_id, d.id, %s, %s,
                  %s, %s
           FROM devices d WHERE d.household_id IS NOT NULL""",
        *(raised[0], night.now, night.now, night.now),
    )
    await night.query("UPDATE residents SET categories = '{disabled}', born_on = '1940-05-01' WHERE code = 'zhang-2'")
    await night.query("UPDATE households SET phone = '+861000000002' WHERE code = 'home-2'")
    return raised[0]


async def test_the_homes_of_a_dark_village_are_called_and_visited(duty_desk: Desk) -> None:
    """Two operators share the list: each sees at once what the other has learned, and who needs help is helped."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    await desk.account("wang", language=Language.ZH)
    await desk.account("sun", role=Role.ADMINISTRATOR)
    area = await _dark_village(night)
    await night.passes()
    path = f"/incidents/{area}"
    async with desk.window("li", path=path) as li, desk.window("wang", path=path) as wang:
        homes = li.locator(".home")
        await expect(homes).to_have_count(3)
        await expect(homes.first).to_contain_text("和平村 三组2号")
        for told in ("张秀兰", "85 years", "钥匙在东邻李家", "+861000000002", "0 of 4 devices are heard again"):
            await expect(homes.first).to_contain_text(told)
        await expect(homes.nth(1)).to_contain_text("No telephone is known.")
        assert await barriers(li) == []

        await homes.first.get_by_role("link", name="和平村 三组2号").focus()
        await li.keyboard.press("1")
        await expect(homes.first.locator(".state")).to_have_text("Called")
        await expect(wang.locator(".home").first.locator(".stands")).to_contain_text("已去电 li")
        await wang.locator(".home").nth(1).get_by_role("button", name="已上门").click()
        await expect(homes.nth(1).locator(".stands")).to_contain_text("Visited wang")
        await li.keyboard.press("ArrowDown")
        await li.keyboard.press("ArrowDown")
        await li.keyboard.press("5")
        await expect(homes.nth(2).locator(".state")).to_have_text("Needs help")
        await expect(li.locator(".standing-of-homes")).to_have_text("Called 1Visited 1Needs help 1")
        await expect(li.locator(".timeline")).to_contain_text("wang: Home home-1: Visited")
        await expect(li.locator("body")).to_have_attribute("data-sounding", "2")
        assert await barriers(li) == []
    async with desk.window("sun", path=path) as sun:
        await expect(sun.locator(".home")).to_have_count(3)
        await expect(sun.locator("[data-act='mark']")).to_have_count(0)
        await sun.evaluate(
            f"emitEvent('carewatch', {{act: 'mark', incident: {area}, household: 'home-1', state: 'fine'}})"
        )
        await expect(sun.get_by_role("status")).to_contain_text("may look, but not do this")
    marks = await night.query(
        "SELECT h.code, v.state, v.by FROM area_visits v JOIN households h ON h.id = v.household_id ORDER BY h.code"
    )
    assert marks == [
        ("home-1", "visited", "user:wang"),
        ("home-2", "called", "user:li"),
        ("home-3", "needs_help", "user:li"),
    ]
    assert await night.query("SELECT count(*) FROM audit WHERE action = 'mark' AND actor = 'user:li'") == [(2,)]
    assert await night.query("SELECT hazard FROM incidents WHERE household_id IS NOT NULL") == [("sos",)]
    seen = await night.query(
        "SELECT noun_id FROM audit WHERE action = 'view' AND noun = 'residents' AND actor = 'user:li' ORDER BY 1"
    )
    assert seen == [("zhang-1",), ("zhang-2",), ("zhang-3",)]


async def test_other_incidents_have_no_list(duty_desk: Desk) -> None:
    """A press concerns one home, and its page says nothing of lists."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    incident = await night.raises()
    await night.passes()
    async with desk.window("li", path=f"/incidents/{incident}") as li:
        await expect(li.locator(".headline")).to_be_visible()
        await expect(li.locator(".wide")).to_be_hidden()
