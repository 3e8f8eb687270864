"""Maps on tiles made for mainland China, which are drawn in GCJ-02: everything lies where it lies on them.

The tiles are of an example server, which the browser answers itself. Where a place must come to lie is worked out from
the tile on the screen, and from published pairs of coordinates, without the code under test.
"""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from math import asinh, pi, radians, tan
from pathlib import Path
from typing import Any, Final

import pytest
from fixtures.browsers import PATIENCE_MS
from fixtures.consoles import Desk, serving
from fixtures.town import NOON
from PIL import Image
from playwright.async_api import Page, Route, expect

from store.registry import Noun, save

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]

expect.set_options(timeout=PATIENCE_MS)

# Source: a pair that open converters are tested with (Beijing); the shift is 550 m, some 600 pixels at this zoom.
WGS84: Final = (39.911954, 116.377817)
GCJ02: Final = (39.91334545536069, 116.38404722455657)
ZOOM: Final = 17
WITHIN_PX: Final = 2.0  # published to within a metre, and a symbol stands on whole pixels
TILE_PX: Final = 256

_TILE = """([z, x, y]) => {
  const tile = document.querySelector(`img.leaflet-tile[src$="/${z}/${x}/${y}.png"]`);
  if (!tile) return null;
  const { left, top } = tile.getBoundingClientRect();
  return [left, top];
}"""
_MAP = "const map = getElement(document.querySelector('#main .leaflet-container').id.slice(1)).map;"
# Where everything lies on the screen: symbols by their elements, circles and lines by Leaflet.
_SHAPES = f"""() => {{
  {_MAP}
  const {{ left, top }} = map.getContainer().getBoundingClientRect();
  const seen = (one) => {{ const {{ x, y }} = map.latLngToContainerPoint(one); return [left + x, top + y]; }};
  const foot = (selector, part) => [...document.querySelectorAll(selector)].map((one) => {{
    const box = one.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height * part];
  }});
  const circles = [];
  const lines = [];
  map.eachLayer((one) => {{
    if (one instanceof L.CircleMarker) circles.push(seen(one.getLatLng()));
    else if (one instanceof L.Polyline) lines.push(one.getLatLngs().flat(2).map(seen));
  }});
  return {{ circles, lines, pins: foot(".pin-holder", 1 / 2), last: foot(".map-last", 28 / 30) }};
}}"""


def _tile() -> bytes:
    picture = io.BytesIO()
    Image.new("RGB", (TILE_PX, TILE_PX), "#dfe6dc").save(picture, "PNG")
    return picture.getvalue()


@asynccontextmanager
async def _on_chinese_tiles(desk: Desk, dsn: str, folder: Path) -> AsyncIterator[tuple[Desk, Page]]:
    """A console with such tiles, and li before it."""
    settings = {"MAP_TILES": "http://tiles.example/{z}/{x}/{y}.png", "MAP_DATUM": "GCJ-02"}
    async with serving(dsn, folder, settings=settings) as own:
        there = replace(desk, url=own.url)
        async with there.window("li") as page:

            async def answer(route: Route) -> None:
                await route.fulfill(body=_tile(), content_type="image/png")

            await page.route("http://tiles.example/**", answer)
            yield there, page


async def _on_screen(page: Page, point: tuple[float, float]) -> tuple[float, float]:
    """Where a place lies on the tiles that are shown, in pixels of the screen, by the Web Mercator they are cut in."""
    lat, lon = point
    x = (lon + 180) / 360 * 2**ZOOM
    y = (1 - asinh(tan(radians(lat))) / pi) / 2 * 2**ZOOM
    handle = await page.wait_for_function(_TILE, arg=[ZOOM, int(x), int(y)])
    left, top = await handle.json_value()
    return left + x % 1 * TILE_PX, top + y % 1 * TILE_PX


async def _look_closely(page: Page) -> None:
    await page.evaluate(f"""() => {{
      {_MAP}
      map.setView([{GCJ02[0]}, {GCJ02[1]}], {ZOOM}, {{ animate: false }});
    }}""")


def _near(found: Any, wanted: tuple[float, float]) -> bool:
    return bool(max(abs(found[0] - wanted[0]), abs(found[1] - wanted[1])) <= WITHIN_PX)


async def _there(page: Page, wanted: tuple[float, float], **counts: int) -> None:
    """Wait until so many shapes of each kind (of lines: so many corners) lie at ``wanted``. The map is drawn anew as
    answers come.
    """
    shapes: dict[str, Any] = {}
    try:
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while True:
                shapes = await page.evaluate(_SHAPES)
                shapes["lines"] = [corner for line in shapes["lines"] for corner in line]
                if {kind: sum(_near(one, wanted) for one in shapes[kind]) for kind in counts} == counts:
                    return
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"wanted {counts} at {wanted}, found {shapes}")


async def _move_the_village(desk: Desk) -> None:
    """The first home stands at the published place, and the village's boundary has a corner there."""
    lat, lon = WGS84
    await desk.night.query("UPDATE households SET lat = %s, lon = %s", lat, lon)
    corners = [[lon, lat], [lon + 0.002, lat], [lon + 0.002, lat + 0.002], [lon, lat + 0.002], [lon, lat]]
    boundary = {"type": "Polygon", "coordinates": [corners]}
    heping = {"code": "heping", "kind": "community", "name": "和平村", "parent": "town", "boundary": boundary}
    async with desk.night.database.transaction() as connection:
        await save(connection, Noun.ORGANISATIONS, [heping], now=NOON)


async def test_homes_boundaries_and_incidents_lie_right_on_chinese_tiles(
    duty_desk: Desk, desk_dsn: str, tmp_path: Path
) -> None:
    """The map of the desk: the symbol of an incident, the point of a home, the corner of a boundary."""
    await duty_desk.account("li")
    await _move_the_village(duty_desk)
    incident = await duty_desk.night.raises()
    async with _on_chinese_tiles(duty_desk, desk_dsn, tmp_path) as (desk, page):
        await page.goto(f"{desk.url}/map")
        pin = page.locator(f".pin-holder[data-incident='{incident}']")
        await expect(pin).to_be_visible()
        await _look_closely(page)
        wanted = await _on_screen(page, GCJ02)
        await _there(page, wanted, pins=1, circles=3, lines=1)


async def test_a_home_and_where_she_was_lie_right_on_chinese_tiles(
    duty_desk: Desk, desk_dsn: str, tmp_path: Path
) -> None:
    """The map of an incident: the home, and the last position of her wristband, which is at home."""
    night = duty_desk.night
    await duty_desk.account("li")
    await _move_the_village(duty_desk)
    await night.query(
        """INSERT INTO device_states (device_key, last_seen_at, lat, lon, accuracy_m, position_at)
           SELECT id, %s, %s, %s, 12, %s FROM devices WHERE device_id = 'band-1'""",
        *(NOON, *WGS84, NOON),
    )
    consent = {"resident": "zhang-1", "purpose": "location", "recipient": "duty_desk", "given_by": "resident"}
    async with night.database.transaction() as connection:
        await save(connection, Noun.CONSENTS, [consent], now=NOON)
    incident = await night.raises()
    async with _on_chinese_tiles(duty_desk, desk_dsn, tmp_path) as (desk, page):
        await page.goto(f"{desk.url}/incidents/{incident}")
        last = page.locator(".map-last")
        await expect(last).to_be_visible()
        await _look_closely(page)
        wanted = await _on_screen(page, GCJ02)
        await _there(page, wanted, last=1, circles=3)  # the home, the fix, how far it may be off
