"""Maps of the console: an empty Leaflet map on the configured tiles, and points as these tiles are drawn."""

from typing import Final

from nicegui import ui

from api.console.settings import ConsoleConfig
from devices.coordinates import Datum, Point, from_wgs84, to_wgs84

_DATUMS: Final = {"WGS-84": Datum.WGS84, "GCJ-02": Datum.GCJ02}


def on_tiles(config: ConsoleConfig, point: Point) -> Point:
    """Where a WGS-84 point (lat, lon) lies on the tiles."""
    return from_wgs84(point, _DATUMS[config.map_datum])


def off_tiles(config: ConsoleConfig, point: Point) -> Point:
    """The WGS-84 point (lat, lon) of a place on the tiles."""
    return to_wgs84(point, _DATUMS[config.map_datum])


def empty_map(config: ConsoleConfig, title: str, *, centre: Point, zoom: int) -> ui.leaflet:
    """A map with nothing on it but tiles, if there are any; ``centre`` is one of :func:`on_tiles`.

    What lies on it is drawn by ``static/map.js``: the server keeps no layers for each open page.
    """
    ui.add_head_html('<script src="/static/map.js" defer></script>')
    leaflet = ui.leaflet(center=centre, zoom=zoom, options={"attributionControl": bool(config.map_tiles)})
    leaflet.classes("map").props(f'role="region" aria-label="{title}"')
    leaflet.clear_layers()  # tiles from the internet, which nobody asked for
    if config.map_tiles is not None:
        leaflet.tile_layer(url_template=config.map_tiles, options={"attribution": config.map_attribution})
    return leaflet
