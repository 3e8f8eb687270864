"""Which pictures there are, and how one is taken. A new page is one line in :data:`SCENES`."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from PIL import Image
from playwright.async_api import Browser, Page

from api.console.flood import FLOOD_FROM
from devices.model import DeviceKind, Hazard
from domain.area import HomeState
from domain.incident import Outcome
from domain.notification import AnswerKind
from domain.people import Language
from screenshots.stage import NAMES, PASSWORD, Stage

_PATIENCE_MS: Final = 60_000
_COLOURS: Final = 128

DESKTOP: Final = (1280, 800)
TABLET: Final = (834, 1112)
PHONE: Final = (390, 844)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Language and theme of a picture."""

    language: Language
    theme: Literal["light", "dark"]

    @property
    def suffix(self) -> str:
        """As it stands in the name of a file."""
        return f"{self.language.value[:2]}-{self.theme}"


LOOKS: Final = [Look(language=language, theme=theme) for language in Language for theme in ("light", "dark")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture. ``path``: a page of the console, or a whole address elsewhere; names in braces come from the scenes.
    ``ready``: what must be seen before; ``keys``: what is pressed then; ``shown``: what must be seen after that.
    """

    name: str
    path: str
    ready: str
    keys: tuple[str, ...] = ()
    shown: str | None = None
    size: tuple[int, int] = DESKTOP
    signed_in: bool = True
    looks: tuple[Look, ...] = tuple(LOOKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A state of the town, and the pictures that are taken of it; ``sets`` returns what paths may name."""

    sets: Callable[[Stage], Awaitable[dict[str, str]]]
    shots: tuple[Shot, ...]


async def _quiet(stage: Stage) -> dict[str, str]:
    """Nothing has happened yet."""
    return {}


async def _past(stage: Stage) -> dict[str, str]:
    """Some incidents are over, others are at different stages."""
    ended = (
        (Hazard.SOS, DeviceKind.CALL_BUTTON, Outcome.ASSISTANCE),
        (Hazard.SMOKE, DeviceKind.SMOKE_ALARM, Outcome.FALSE_ALARM),
        (Hazard.FALL, DeviceKind.WRISTBAND, Outcome.EMERGENCY),
        (Hazard.SOS, DeviceKind.CALL_BUTTON, Outcome.FALSE_ALARM),
        (Hazard.GAS, DeviceKind.GAS_ALARM, Outcome.TECHNICAL),
        (Hazard.SOS, DeviceKind.CALL_BUTTON, Outcome.CANNOT_CONFIRM),
    )
    homes = [(await stage.press(hazard, kind, answered=True))[0] for hazard, kind, _ in ended]
    for home, (_, _, outcome) in zip(homes, ended, strict=True):
        await stage.end(home, outcome)
    await stage.press(Hazard.SOS, DeviceKind.CALL_BUTTON, answered=True)
    await stage.press(Hazard.LOW_BATTERY, DeviceKind.CALL_BUTTON, answered=True)
    (fallen,) = await stage.press(Hazard.FALL, DeviceKind.WRISTBAND, answered=False)
    await stage.walks(fallen)
    await stage.press(Hazard.WATER, DeviceKind.LEAK_SENSOR, answered=False)
    await stage.press(Hazard.SMOKE, DeviceKind.SMOKE_ALARM, answered=False)
    (accepted,) = await stage.press(Hazard.SOS, DeviceKind.CALL_BUTTON, answered=True)
    (asked,) = await stage.press(Hazard.SOS, DeviceKind.CALL_BUTTON, answered=False)
    await stage.incident(accepted, "acknowledged")
    return {
        "incident": str(await stage.incident(fallen)),
        "asked": await stage.link(asked),
        "accepted": await stage.link(accepted, AnswerKind.ACCEPT),
    }


async def _dark(stage: Stage) -> dict[str, str]:
    """A part of the village has no power; somebody has begun to ask home by home."""
    states = (HomeState.VISITED, HomeState.CALLED, HomeState.FINE, HomeState.NEEDS_HELP, HomeState.ANSWERED)
    return {"area": str(await stage.goes_dark([*states, *[HomeState.NOT_ASKED] * 5]))}


async def _flood(stage: Stage) -> dict[str, str]:
    """More than anybody can read."""
    await stage.press(Hazard.SOS, DeviceKind.CALL_BUTTON, answered=False, times=4)
    await stage.press(Hazard.TAMPER, DeviceKind.SMOKE_ALARM, times=18)
    await stage.press(Hazard.LOW_BATTERY, DeviceKind.CALL_BUTTON, times=14)
    await stage.waiting(FLOOD_FROM)
    return {}


_LIGHT: Final = tuple(look for look in LOOKS if look.theme == "light")

SCENES: Final = (
    Scene(
        sets=_quiet,
        shots=(
            Shot(name="sign-in", path="/sign-in", ready="#password", signed_in=False),
            Shot(name="desk-quiet", path="/", ready=".empty", looks=_LIGHT),
        ),
    ),
    Scene(
        sets=_past,
        shots=(
            Shot(name="desk", path="/", ready="[data-row]"),
            Shot(name="desk-tablet", path="/", ready="[data-row]", size=TABLET, looks=_LIGHT),
            Shot(name="incident", path="/incidents/{incident}", ready=".timeline li"),
            *(
                Shot(name=name, path="/incidents/{incident}", ready=".timeline li", keys=(key,), shown=shown)
                for name, key, shown in (
                    ("name", "r", "#name[open]"),
                    ("outcome", "o", "#close[open]"),
                    ("call", "e", "#call[open] fieldset"),
                    ("connect", "l", "#connect[open] fieldset"),
                    ("hand-over", "h", "#hand-over[open]"),
                )
            ),
            Shot(name="help", path="/", ready="[data-row]", keys=("?",), shown="#help[open]"),
            Shot(name="map", path="/map", ready="#main .leaflet-container"),
            Shot(name="instructions", path="/instructions", ready="#main h1"),
            Shot(name="history", path="/history", ready="table.history"),
            Shot(name="responder-asked", path="{asked}", ready="button", size=PHONE, signed_in=False, looks=_LIGHT),
            Shot(
                name="responder-accepted", path="{accepted}", ready="button", size=PHONE, signed_in=False, looks=_LIGHT
            ),
        ),
    ),
    Scene(sets=_dark, shots=(Shot(name="area", path="/incidents/{area}", ready=".home"),)),
    Scene(sets=_flood, shots=(Shot(name="flood", path="/", ready=".flood"),)),
)


async def take(stage: Stage, browser: Browser, shot: Shot, names: dict[str, str], folder: Path) -> None:
    """Take ``shot`` in all its looks, into ``folder``."""
    for look in shot.looks:
        async with _window(stage, browser, shot, look) as page:
            path = shot.path.format_map(names)
            address = path if "://" in path else f"{stage.console_url}{path}"
            await page.goto(f"{address}?lang={look.language.value[:2]}" if "://" in path else address)
            await page.locator(shot.ready).first.wait_for()
            for key in shot.keys:
                await page.keyboard.press(key)
            if shot.shown is not None:
                await page.locator(shot.shown).first.wait_for()
            await page.wait_for_load_state("networkidle")
            await page.evaluate("document.fonts.ready")
            picture = await page.screenshot(animations="disabled")
        (folder / f"{shot.name}-{look.suffix}.png").write_bytes(_small(picture))


@asynccontextmanager
async def _window(stage: Stage, browser: Browser, shot: Shot, look: Look) -> AsyncIterator[Page]:
    width, height = shot.size
    context = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=look.theme, reduced_motion="reduce", locale="en-GB"
    )
    context.set_default_timeout(_PATIENCE_MS)
    cookies = {"carewatch_theme": look.theme, "carewatch_language": look.language.value}
    await context.add_cookies([{"name": name, "value": one, "url": stage.console_url} for name, one in cookies.items()])
    page = await context.new_page()
    if shot.signed_in:
        await page.goto(f"{stage.console_url}/sign-in?to=/history")
        await page.locator("#name").fill(NAMES[look.language])
        await page.locator("#password").fill(PASSWORD)
        await page.locator("form[action='/sign-in'] button").click()
        await page.locator(".signs li").first.wait_for()
    yield page
    await context.close()


def _small(picture: bytes) -> bytes:
    """The same with few colours: pages have few."""
    smaller = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(
        smaller, "PNG", optimize=True
    )
    return smaller.getvalue()
