"""The people of a simulated village who can be called, and what they do when it rings: fixed by the seed."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from simulator.lives.draws import Draws, draws
from simulator.lives.people import Home
from simulator.phone.people import (
    Answers,
    HangsUp,
    IsBusy,
    LetsItRing,
    Person,
    Temper,
    Unreachable,
    Voicemail,
)
from simulator.scenario import Responders

COUNTY: Final = "sim-county"
TOWN: Final = "sim-town"
VILLAGE: Final = "sim-village"


@dataclass(frozen=True, slots=True, kw_only=True)
class Responder:
    """Somebody in a care circle: of one home, or of an organisation."""

    code: str
    name: str
    circle: str
    relation: str
    home: str | None
    organisation: str
    person: Person


_OF_HOME: Final = (("children", "女儿", 1.0), ("children", "儿子", 0.7), ("kin_neighbours", "近邻", 0.9))
_OF_ORGANISATIONS: Final = (
    (VILLAGE, "grid_workers", "网格员", 3),
    (VILLAGE, "village_cadres", "村干部", 2),
    (TOWN, "care_service", "护理员", 2),
    (TOWN, "duty_desk", "值班员", 3),
    (COUNTY, "duty_desk", "县值班员", 2),
)
_DESK_ANSWERS_AFTER_S: Final = 4.0
NUMBER_PREFIX: Final = "+86142"
"""No subscriber's number begins like this, so that even a slip would reach nobody."""
_SURNAMES: Final = "陈林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓"
_GIVEN_NAMES: Final = "伟芳敏静磊洋艳勇娜军丽强杰娟涛霞"


def recruit(
    homes: Sequence[Home], tempers: Sequence[Responders], seed: int, silent: Collection[str]
) -> list[Responder]:
    """Everybody who can be called. The circles of the homes in ``silent`` let it ring; duty desks always answer, for
    a desk that nobody mans is another scenario than any of these.
    """
    found: list[Responder] = []
    for home in homes:
        draw = draws(seed, "circle", home.code)
        for circle, relation, share in _OF_HOME:
            if draw.random() < share:
                temper: Temper = _temper(draw, tempers)
                temper = LetsItRing() if home.code in silent else temper
                code = f"{home.code}-{circle}"
                name = _name(seed, f"{code}-{len(found)}", home.residents[0].surname if circle == "children" else "")
                found.append(_responder(len(found), code, name, circle, relation, home.code, VILLAGE, temper))
    draw = draws(seed, "organisations")
    for organisation, circle, name, count in _OF_ORGANISATIONS:
        for index in range(count):
            desk = circle == "duty_desk"
            temper = Answers(after_s=_DESK_ANSWERS_AFTER_S, keys=("1",)) if desk else _temper(draw, tempers)
            code = f"{organisation}-{circle}-{index + 1}"
            title = f"{name}{_name(seed, code, '')}"
            found.append(_responder(len(found), code, title, circle, name, None, organisation, temper))
    return found


def _name(seed: int, code: str, surname: str) -> str:
    draw = draws(seed, "name", code)
    family, given = (words[int(draw.integers(len(words)))] for words in (_SURNAMES, _GIVEN_NAMES))
    return (surname or family) + given


def _responder(
    index: int, code: str, name: str, circle: str, relation: str, home: str | None, organisation: str, temper: Temper
) -> Responder:
    number = f"{NUMBER_PREFIX}{index:08d}"
    unique = f"{code}-{index}" if home else code
    return Responder(
        code=unique.replace("_", "-"),
        name=name,
        circle=circle,
        relation=relation if home else "",
        home=home,
        organisation=organisation,
        person=Person(number=number, name=name, temper=temper, call_waiting=False),
    )


def _temper(draw: Draws, tempers: Sequence[Responders]) -> Temper:
    chosen = tempers[int(draw.choice(len(tempers), p=[one.share for one in tempers]))]
    after_s = round(float(draw.lognormal(math.log(chosen.median_s), chosen.spread)), 1)
    match chosen.does:
        case "accepts":
            return Answers(after_s=after_s, keys=("1",))
        case "declines":
            return Answers(after_s=after_s, keys=("2",))
        case "hangs_up":
            return HangsUp(after_s=after_s)
        case "lets_it_ring":
            return LetsItRing()
        case "busy":
            return IsBusy(after_s=min(after_s, 2.0))
        case "unreachable":
            return Unreachable()
        case "voicemail":
            return Voicemail(after_s=after_s)
