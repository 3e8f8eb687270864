"""A village of simulated homes: fifty of them are fifty people, not one fifty times."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import numpy as np

from simulator.lives.draws import Draws, between, draws
from simulator.lives.geography import moved
from simulator.lives.people import Character, Home, Life, Place, Resident, Room

CENTRE: Final = Place(36.07, 114.35)
HOMES_IN_A_STREET: Final = 12
_BETWEEN_HOMES_M = 25.0
_BETWEEN_STREETS_M = 60.0
_STREETS_ABREAST = 20

_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧"
_GIVEN_FEMALE = ("秀英", "桂兰", "秀兰", "玉兰", "凤英", "淑珍", "桂芳", "玉珍", "素梅", "秀珍", "金凤", "翠兰")
_GIVEN_MALE = ("建国", "德明", "国强", "福生", "志明", "玉山", "长顺", "文斌", "金山", "树林", "永昌", "保国")

_TODAY = date(2026, 1, 1)
_YEARS: Final = {Life.COUPLE: 73, Life.LIVING_ALONE: 77, Life.FRAIL: 84, Life.DEMENTIA: 81}
_CATEGORIES: Final[Mapping[Life, tuple[str, ...]]] = {
    Life.COUPLE: ("empty_nest",),
    Life.LIVING_ALONE: ("living_alone",),
    Life.FRAIL: ("living_alone", "disabled"),
    Life.DEMENTIA: ("living_alone", "dementia"),
}


def settle(seed: int, homes: int, mix: Mapping[Life, float]) -> tuple[Home, ...]:
    """``homes`` homes whose kinds of life come in the proportions of ``mix``; home n does not depend on ``homes``."""
    lives = list(mix)
    weights = np.array([mix[life] for life in lives])
    weights = weights / weights.sum()
    return tuple(_home(seed, number, lives, weights) for number in range(1, homes + 1))


def _home(seed: int, number: int, lives: list[Life], weights: np.ndarray) -> Home:
    draw = draws(seed, "home", number)
    life = lives[int(draw.choice(len(lives), p=weights))]
    surname = _SURNAMES[int(draw.integers(len(_SURNAMES)))]
    code = f"h{number:05d}"
    women = (False, True) if life is Life.COUPLE else (bool(draw.random() < 0.68),)
    residents = tuple(
        _resident(draw, f"{code}-{'ab'[index]}", surname if index == 0 else None, female, life)
        for index, female in enumerate(women)
    )
    return Home(
        code=code,
        number=number,
        street=(number - 1) // HOMES_IN_A_STREET,
        place=_place(draw, number),
        rooms=_rooms(draw),
        pet=bool(draw.random() < 0.15),
        residents=residents,
    )


def _place(draw: Draws, number: int) -> Place:
    street, house = divmod(number - 1, HOMES_IN_A_STREET)
    row, column = divmod(street, _STREETS_ABREAST)
    north = row * HOMES_IN_A_STREET * _BETWEEN_HOMES_M * 1.3 + house * _BETWEEN_HOMES_M
    east = column * _BETWEEN_STREETS_M
    place = moved(CENTRE, north + draw.normal(0, 4), east + draw.normal(0, 4))
    return Place(round(place.lat, 6), round(place.lon, 6))


def _rooms(draw: Draws) -> tuple[Room, ...]:
    """Everybody sleeps, cooks and washes; some have neither a living room nor a hall."""
    rooms = [Room.BEDROOM, Room.KITCHEN, Room.BATHROOM]
    rooms += [Room.LIVING] if draw.random() < 0.85 else []
    rooms += [Room.HALL] if draw.random() < 0.5 else []
    return tuple(rooms)


def _resident(draw: Draws, code: str, surname: str | None, female: bool, life: Life) -> Resident:
    years = between(draw, _YEARS[life], 5, 65, 99)
    given = _GIVEN_FEMALE if female else _GIVEN_MALE
    return Resident(
        code=code,
        surname=surname or _SURNAMES[int(draw.integers(len(_SURNAMES)))],
        given_name=given[int(draw.integers(len(given)))],
        female=female,
        born_on=_TODAY - timedelta(days=int(years * 365.25)),
        life=life,
        categories=_CATEGORIES[life],
        character=_character(draw, life),
    )


def _character(draw: Draws, life: Life) -> Character:
    frail, lost = life is Life.FRAIL, life is Life.DEMENTIA
    return Character(
        wakes_h=between(draw, 6.0 if not frail else 6.8, 0.8, 4.0, 9.0),
        sleeps_h=between(draw, 21.2 if not frail else 20.3, 0.8, 18.5, 23.5),
        irregular_h=float(draw.gamma(4, 0.08)) * (2.2 if lost else 1.0),
        naps=between(draw, 0.85 if frail else 0.6, 0.2, 0.0, 1.0),
        night_visits=float(draw.gamma(3, 0.9 if frail else 0.5)),
        outings=float(draw.gamma(2, 0.1 if frail else 0.7)),
        roams_at_night=float(draw.gamma(2, 0.8)) if lost else 0.0,
        pace_mps=between(draw, 0.5 if frail else 0.85, 0.15, 0.25, 1.3),
        reach_m=float(draw.lognormal(np.log(120 if frail else 380), 0.5)),
        liveliness=float(draw.lognormal(-0.5 if frail else 0.0, 0.35)),
        visits=float(draw.gamma(2, 0.35 if frail else 0.15)),
        pulse_bpm=between(draw, 71, 7, 54, 92),
        pulse_swing_bpm=between(draw, 6, 2, 2, 12),
        spo2_pct=between(draw, 96.3, 1.1, 92, 99),
        systolic_mmhg=between(draw, 136, 12, 105, 175),
    )
