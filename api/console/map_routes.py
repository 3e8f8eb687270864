"""What lies in the view of a map, for the script of the page: within the subtree of who is signed in, as JSON."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request

from api.console.context import Console
from api.console.rows import ICONS
from api.console.settings import ConsoleConfig
from api.console.sign_in import visitor_of
from api.console.tiles import off_tiles, on_tiles
from api.people import titled
from api.words import Words
from devices.coordinates import Point
from devices.model import Hazard
from domain.boundary import rings
from domain.incident import IncidentState
from domain.permissions import Scope
from store import audit, places
from store.desk import Waiting
from store.places import Box
from store.sessions import Visitor

MOST_POINTS: Final = 2000
"""Homes that are drawn one by one; more of them are drawn as numbers on a grid."""
_CELL_PX: Final = 64
_MOST_BOUNDARIES: Final = 60
_DECIMALS: Final = 6  # about a decimetre


class _View:
    """The part of a map that a browser shows, in degrees of its tiles, and at which zoom level of Web Mercator."""

    def __init__(
        self,
        south: Annotated[float, Query(ge=-90, le=90)],
        west: Annotated[float, Query(ge=-180, le=180)],
        north: Annotated[float, Query(ge=-90, le=90)],
        east: Annotated[float, Query(ge=-180, le=180)],
        zoom: Annotated[float, Query(ge=0, le=24)],
    ) -> None:
        self._corners = ((min(south, north), min(west, east)), (max(south, north), max(west, east)))
        self.pixel_deg = 360 / (256 * 2**zoom)

    def box(self, config: ConsoleConfig) -> Box:
        """The same in WGS-84."""
        (south, west), (north, east) = (off_tiles(config, one) for one in self._corners)
        return Box(south=south, west=west, north=north, east=east)


View = Annotated[_View, Depends()]


def router(console: Console) -> APIRouter:
    """``/map/…``: 401 for whoever is not signed in (any more)."""
    shown = _Shown(console)
    routes = APIRouter(prefix="/map", include_in_schema=False)
    routes.add_api_route("/homes", shown.homes)
    routes.add_api_route("/homes/{household_id}", shown.home)
    routes.add_api_route("/boundaries", shown.boundaries)
    routes.add_api_route("/incidents", shown.incidents)
    return routes


class _Shown:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._config = console.config

    async def homes(self, request: Request, view: View) -> dict[str, Any]:
        """Homes as points without a name, or how many there are around each point of a grid."""
        visitor, box = await self._visitor(request), view.box(self._config)
        async with self._console.database.transaction() as connection:
            cells = await places.cells(connection, visitor.actor, box, step_deg=view.pixel_deg * _CELL_PX)
            count = sum(one.homes for one in cells)
            if count > MOST_POINTS:
                return {"count": count, "cells": [[one.homes, *self._placed(one.lat, one.lon)] for one in cells]}
            found = await places.homes(connection, visitor.actor, box, most=MOST_POINTS)
        return {"count": len(found), "homes": [[one.id, *self._placed(one.lat, one.lon)] for one in found]}

    async def home(self, request: Request, household_id: Annotated[int, Path(ge=1, lt=2**63)]) -> dict[str, Any]:
        """Who lives in one home, and where: a view of persons, and recorded."""
        visitor = await self._visitor(request)
        async with self._console.database.transaction() as connection:
            found = await places.home(connection, visitor.actor, household_id)
            if found is None:
                raise HTTPException(404)
            by, now = visitor.actor.id, self._console.clock.now()
            await audit.record(connection, by, "view", "households", [found.code], now=now)
            await audit.record(connection, by, "view", "residents", [one[0] for one in found.residents], now=now)
        who = titled(Words(visitor.language), found.residents)
        return {"who": who, "where": f"{found.community} {found.address}", "organisation": found.organisation}

    async def boundaries(self, request: Request, view: View) -> dict[str, Any]:
        """Boundaries without what a pixel cannot show; ``more``: how many are too many, the smallest organisations."""
        visitor = await self._visitor(request)
        async with self._console.database.transaction() as connection:
            found, count = await places.boundaries(
                connection, visitor.actor, view.box(self._config), most=_MOST_BOUNDARIES
            )
        shown = [
            {
                "name": one.name,
                "depth": one.depth,
                "rings": [self._line(ring, view.pixel_deg) for ring in rings(one.boundary)],
            }
            for one in found
        ]
        return {"shown": shown, "more": count - len(found)}

    async def incidents(self, request: Request) -> list[dict[str, Any]]:
        """What is unresolved, gravest first, with the place of its home or organisation; never where somebody is."""
        visitor, snapshot = await self._visitor(request), self._console.feed.snapshot
        if snapshot is None:
            return []
        async with self._console.database.transaction() as connection:
            where = await places.of_incidents(connection, visitor.actor)
        say = Words(visitor.language)
        return [self._incident(one, where.get(one.id), say) for one in snapshot.visible_to(visitor.actor)]

    async def _visitor(self, request: Request) -> Visitor:
        visitor = await visitor_of(self._console, request)
        if visitor is None:
            raise HTTPException(401)
        visitor.actor.need(Scope.READ)
        return visitor

    def _placed(self, lat: float, lon: float) -> list[float]:
        return [round(one, _DECIMALS) for one in on_tiles(self._config, (lat, lon))]

    def _line(self, ring: list[list[float]], pixel_deg: float) -> list[list[float]]:
        """A ring as (lat, lon) on the tiles, closed, without positions closer than a pixel to the one before."""
        kept = [ring[0]]
        for lon, lat in ring[1:-1]:
            if abs(lon - kept[-1][0]) >= pixel_deg or abs(lat - kept[-1][1]) >= pixel_deg:
                kept.append([lon, lat])
        return [self._placed(lat, lon) for lon, lat in (*kept, ring[-1])]

    def _incident(self, one: Waiting, place: Point | None, say: Words) -> dict[str, Any]:
        hazard, who = say.of(Hazard(one.hazard)), titled(say, one.residents)
        return {
            "id": one.id,
            "severity": one.severity,
            "state": one.state,
            "icon": ICONS[one.hazard],
            "title": " · ".join(filter(None, (hazard, who, f"#{one.number}"))),
            "about": f"{say.of(IncidentState(one.state))} · {one.community or one.organisation}",
            "at": None if place is None else self._placed(*place),
        }
