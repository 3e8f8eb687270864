"""Why a rule spoke, in words for a grid worker, in both languages. Figures in, sentences out; no personal text."""

from collections.abc import Mapping
from typing import Any, Final

from alerting.rules.localtime import HOUR_S, clock

ASLEEP_S: Final = 3 * HOUR_S
"""Where a home is usually quiet for longer than this, people sleep."""


def of_inactivity(figures: Mapping[str, Any], zone: str) -> dict[str, str]:
    """The explanation of an inactivity finding, by language."""
    since = clock(figures["silent_since"], zone)
    long_zh, long_en = _zh(figures["silent_s"]), _en(figures["silent_s"])
    zh = f"自{since}起{long_zh}没有活动迹象。"
    en = f"No sign of life since {since}, for {long_en}."
    if figures["presence"] == "left":
        zh += "最后一次是门的开关：可能外出未归，也可能倒在门内。"
        en += " The last was the door: she may be out, or may have fallen just inside it."
    elif figures["place"]:
        zh += f"最后的活动在“{figures['place']}”。"
        en += f" The last signs were at {figures['place']}."
    if figures["usual_s"] is None:
        zh += "系统了解这一家还不到一周，暂按固定时限判断。"
        en += " This home has been known for less than a week: fixed limits are kept to."
    else:
        zh += (
            f"这个时段通常安静不超过{_zh(figures['usual_s'])}；"
            f"按近{figures['days_learned']}天的习惯，超过{_zh(figures['limit_s'])}极少见。"
        )
        en += (
            f" At that hour it is usually quiet for no longer than {_en(figures['usual_s'])}; by the habits of the last"
            f" {figures['days_learned']} days more than {_en(figures['limit_s'])} hardly ever happens."
        )
    if figures["stray_s"]:
        zh += "其间有一次孤立的感应，不足以说明有人活动。"
        en += " A single firing in between proves nothing: sensors fire in empty homes, too."
    if figures["confidence"] == "low":
        zh += "家中不止一人或有宠物，判断把握较低。"
        en += " Others live here, people or pets: the judgement is less sure."
    return {"zh-CN": zh, "en": en}


def _zh(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours}小时{minutes}分钟" if hours and minutes else f"{hours}小时" if hours else f"{minutes}分钟"


def _en(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours and minutes else f"{hours} h" if hours else f"{minutes} min"
