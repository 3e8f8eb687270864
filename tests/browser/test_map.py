"""The map of the desk in a real browser, and what its script is told."""

from typing import Any

import pytest
from fixtures.browsers import PATIENCE_MS, barriers
from fixtures.consoles import Desk
from fixtures.town import NOON
from playwright.async_api import Page, expect

from devices.model import Hazard
from store.registry import Noun, save

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]

expect.set_options(timeout=PATIENCE_MS)

EVERYWHERE = "south=-80&west=-179&north=80&east=179&zoom=3"
AROUND_HEPING = "south=35.9&west=113.9&north=36.1&east=114.1&zoom=13"


async def _told(page: Page, desk: Desk, path: str) -> Any:
    answer = await page.request.get(f"{desk.url}{path}")
    assert answer.ok, answer.status
    return await answer.json()


async def test_incidents_are_found_on_the_map_and_opened_from_it(duty_desk: Desk) -> None:
    """One symbol for each home, told apart without colour; new ones come by themselves; by mouse and by keyboard."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    smoke = await night.raises(Hazard.SMOKE, home=2)
    async with desk.window("li") as li:
        await li.keyboard.press("m")
        await expect(li.locator("#map-status")).to_contain_text("3 homes in view.")
        pins = li.locator(".pin-holder")
        await expect(pins).to_have_count(1)
        await expect(pins).to_contain_text("1")
        await expect(li.locator(".map-name")).to_have_text("和平村")
        assert await barriers(li) == []

        fall = await night.raises(Hazard.FALL, home=3)
        await desk.hint()
        await expect(pins).to_have_count(2)
        await night.raises(Hazard.SOS, home=3)
        await desk.hint()
        await expect(li.locator(".pin-count")).to_have_text("+1")
        await expect(li.locator("#map-list li")).to_have_count(3)

        await li.get_by_label("Incidents").uncheck()
        await expect(pins).to_have_count(0)
        await li.reload()
        await expect(li.locator("#map-list li")).to_have_count(3)
        await expect(pins).to_have_count(0)  # as this browser was left
        await li.get_by_label("Incidents").check()

        await li.locator(f".pin-holder[data-incident='{fall}']").press("Enter")
        await expect(li.locator(".leaflet-popup-content a")).to_have_count(2)
        await li.locator(f".pin-holder[data-incident='{smoke}']").press("Enter")
        await expect(li.get_by_role("heading", name="Smoke · Mrs 张 · 和平村")).to_be_visible()
        await li.go_back()
        await li.locator("#map-list").get_by_role("link", name="Fall").click()
        await expect(li.get_by_role("heading", name="Fall · Mrs 张 · 和平村")).to_be_visible()


async def test_a_home_has_no_name_until_somebody_asks(duty_desk: Desk) -> None:
    """Points carry neither name nor address; asking for one is a view of a person, and recorded."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    async with desk.window("li", path="/map") as li:
        told = await _told(li, desk, f"/map/homes?{AROUND_HEPING}")
        assert told["count"] == len(told["homes"]) == 3
        assert all(len(one) == 3 for one in told["homes"])
        home = night.town.households["home-2"]
        assert (await _told(li, desk, f"/map/homes/{home}")) == {
            "who": "Mrs 张",
            "where": "和平村 三组2号",
            "organisation": "和平村",
        }
    views = await night.query("SELECT noun, noun_id FROM audit WHERE action = 'view' AND actor = 'user:li' ORDER BY 1")
    assert views == [("households", "home-2"), ("residents", "zhang-2")]


async def test_another_town_sees_nothing_of_it(duty_desk: Desk) -> None:
    """Neither homes nor boundaries nor incidents; and whoever is not signed in gets no answer at all."""
    desk, night = duty_desk, duty_desk.night
    async with night.database.transaction() as connection:
        baisha = {"code": "baisha", "kind": "town", "name": "Baisha Town", "parent": "county", "cell": "baisha"}
        await save(connection, Noun.ORGANISATIONS, [baisha], now=NOON)
    await desk.account("zhao", organisation="baisha")
    await night.raises()
    async with desk.window("zhao", path="/map") as zhao:
        await expect(zhao.locator("#map-list")).to_have_text("Nothing is open.")
        assert await _told(zhao, desk, f"/map/homes?{EVERYWHERE}") == {"count": 0, "homes": []}
        assert await _told(zhao, desk, f"/map/boundaries?{EVERYWHERE}") == {"shown": [], "more": 0}
        assert await _told(zhao, desk, "/map/incidents") == []
        home = night.town.households["home-1"]
        assert (await zhao.request.get(f"{desk.url}/map/homes/{home}")).status == 404
        await zhao.context.clear_cookies()
        for path in (f"homes?{EVERYWHERE}", f"boundaries?{EVERYWHERE}", "incidents", f"homes/{home}"):
            assert (await zhao.request.get(f"{desk.url}/map/{path}")).status == 401


async def test_many_homes_are_numbers_on_a_grid_and_none_is_lost(duty_desk: Desk) -> None:
    """From afar as numbers, close by one by one; homes without a place are counted beside the map."""
    desk, night = duty_desk, duty_desk.night
    await desk.account("li")
    await night.query(
        """INSERT INTO households (code, organisation_id, community, address, lat, lon)
           SELECT 'many-' || n, (SELECT id FROM organisations WHERE code = 'heping'), '和平村', n || '号',
                  36.0 + n %% 100 * 1e-4, 114.0 + n / 100 * 1e-4
           FROM generate_series(1, 5000) AS n"""
    )
    await night.query("UPDATE households SET lat = NULL, lon = NULL WHERE code IN ('home-1', 'home-2')")
    async with desk.window("li", path="/map") as li:
        await expect(li.locator("#map-status")).to_contain_text("5,001 homes in view.")
        await expect(li.locator(".map-cell").first).to_be_visible()
        await expect(li.locator("aside")).to_contain_text("2 homes do not say where they are")
        told = await _told(li, desk, f"/map/homes?{AROUND_HEPING}")
        assert told["count"] == sum(one[0] for one in told["cells"]) == 5001
        near = "south=35.99995&west=113.99995&north=36.00195&east=114.00195&zoom=18"
        told = await _told(li, desk, f"/map/homes?{near}")
        assert told["count"] == len(told["homes"]) == 400  # one of them is home-3


async def test_what_is_no_view_of_the_earth_is_refused(duty_desk: Desk) -> None:
    """What makes no sense as a view is refused, not guessed."""
    desk = duty_desk
    await desk.account("li")
    async with desk.window("li", path="/map") as li:
        for wrong in ("south=-91&west=0&north=1&east=1&zoom=3", "south=0&west=0&north=1&east=1&zoom=1e9", ""):
            assert (await li.request.get(f"{desk.url}/map/homes?{wrong}")).status == 422
