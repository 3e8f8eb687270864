"""docs/api.md tells the truth: its examples are run in their order."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from fixtures.town import NOON
from fixtures.web import Web

from devices.model import Hazard
from domain.incident import SubjectKind
from domain.people import Mode
from store.incidents import OwnAlarm, raise_own

PAGE = Path(__file__).parents[3] / "docs" / "api.md"


def _blocks() -> list[tuple[str, dict[str, str], Any]]:
    """First line, headers and JSON body of each block."""
    found = []
    for text in re.findall(r"^```http\n(.*?)^```", PAGE.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL):
        head, _, body = text.partition("\n\n")
        first, *headers = head.strip().splitlines()
        found.append((first, dict(line.split(": ", 1) for line in headers), json.loads(body) if body.strip() else None))
    return found


def _holds(shown: Any, said: Any) -> bool:
    """What the page shows is a part of what was said; lists are shown whole."""
    if isinstance(shown, dict):
        return isinstance(said, dict) and all(name in said and _holds(one, said[name]) for name, one in shown.items())
    if isinstance(shown, list):
        return isinstance(said, list) and len(shown) == len(said) and all(map(_holds, shown, said))
    return bool(shown == said)


async def test_the_examples_of_the_page_are_answered_as_printed(web: Web) -> None:
    """Every pair of a request and an answer."""
    async with web.services.database.transaction() as connection:
        await raise_own(
            connection,
            OwnAlarm(
                source="button-1",
                identity="1",
                hazard=Hazard.SOS,
                subject_kind=SubjectKind.RESIDENT,
                subject_id=str(web.town.residents["zhang-1"]),
                organisation_id=web.town.organisations["heping"],
                mode=Mode.LIVE,
                household_id=web.town.households["home-1"],
                resident_id=web.town.residents["zhang-1"],
                device_key=web.town.devices["button-1"],
                reason="sos",
                evidence={},
            ),
            now=NOON,
        )
    web.clock.forward(timedelta(seconds=1))
    blocks = _blocks()
    assert len(blocks) > 20
    async with web.client(await web.key()) as client:
        for (request, headers, body), (status, told, shown) in zip(blocks[::2], blocks[1::2], strict=True):
            method, path = request.split(" ")
            answer = await client.request(method, path, headers=headers, json=body)
            where = f"{request}: {answer.status_code} {answer.text}"
            assert answer.status_code == int(status), where
            assert all(answer.headers[name] == value for name, value in told.items()), where
            assert _holds(shown, answer.json()), where
