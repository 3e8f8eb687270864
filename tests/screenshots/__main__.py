"""``python -m screenshots FOLDER``: set the town up and take all pictures, or only those whose names are given."""

import asyncio
import sys
import tempfile
from pathlib import Path

from fixtures.browsers import QUIET
from playwright.async_api import async_playwright

from screenshots.shots import SCENES, take
from screenshots.stage import staged


async def _main(folder: Path, wanted: set[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="carewatch-screenshots-") as where:
        async with staged(Path(where)) as stage, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=QUIET)
            names: dict[str, str] = {}
            for scene in SCENES:
                names |= await scene.sets(stage)
                for shot in scene.shots:
                    if not wanted or shot.name in wanted:
                        await take(stage, browser, shot, names, folder)
            await browser.close()


if __name__ == "__main__":
    pictures = Path(sys.argv[1])
    pictures.mkdir(parents=True, exist_ok=True)
    asyncio.run(_main(pictures, set(sys.argv[2:])))
    taken = list(pictures.glob("*.png"))
    sys.stdout.write(f"{len(taken)} pictures, {sum(one.stat().st_size for one in taken) / 1024:.0f} KiB\n")
