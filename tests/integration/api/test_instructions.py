"""Instructions through the interface: inherited, written, restored; every version kept."""

import pytest
from fixtures.web import Web

from alerting.instructions import shipped
from devices.model import Hazard
from domain.people import Language
from domain.permissions import Scope

WORDS = {"zh": "先打电话。\n再派人。", "en": "Call first.\nThen send somebody."}
OF_VILLAGE = "/api/v1/organisations/heping/instructions"
OF_TOWN = "/api/v1/organisations/town/instructions"


async def test_the_nearest_organisation_wins_and_restoring_gives_back_what_is_above(web: Web) -> None:
    """Shipped, then the town's, then the village's own; and back again, step by step."""
    async with web.client(await web.key()) as client:
        before = (await client.get(f"{OF_VILLAGE}/smoke")).json()
        assert (before["organisation"], before["version"]) == (None, None)
        assert before["en"] == shipped()[Hazard.SMOKE][Language.EN]

        first = await client.put(f"{OF_TOWN}/smoke", json=WORDS, headers={"If-Match": "*"})
        assert first.status_code == 201, first.text
        inherited = await client.get(f"{OF_VILLAGE}/smoke")
        assert inherited.json()["organisation"] == "town"
        own = await client.put(
            f"{OF_VILLAGE}/smoke", json=WORDS | {"en": "Run."}, headers={"If-Match": inherited.headers["etag"]}
        )
        assert (own.status_code, own.json()["version"]) == (201, 1)
        assert own.json()["changed_by"].startswith("key:")

        listed = (await client.get(OF_VILLAGE)).json()
        assert [one["hazard"] for one in listed] == [hazard.value for hazard in Hazard]
        assert {one["hazard"]: one["organisation"] for one in listed if one["organisation"]} == {"smoke": "heping"}

        back = await client.delete(f"{OF_VILLAGE}/smoke", headers={"If-Match": own.headers["etag"]})
        assert (back.status_code, back.json()["organisation"], back.json()["zh"]) == (200, "town", WORDS["zh"])
        again = await client.put(f"{OF_VILLAGE}/smoke", json=WORDS, headers={"If-Match": "*"})
        assert (again.status_code, again.json()["version"]) == (200, 3)
    async with web.services.database.transaction() as connection:
        cursor = await connection.execute("SELECT organisation_id, version, en FROM instructions ORDER BY id")
        assert await cursor.fetchall() == [
            (web.town.organisations["town"], 1, WORDS["en"]),
            (web.town.organisations["heping"], 1, "Run."),
            (web.town.organisations["heping"], 2, None),
            (web.town.organisations["heping"], 3, WORDS["en"]),
        ]
        cursor = await connection.execute("SELECT noun_id, detail FROM audit WHERE noun = 'instructions'")
        assert {(code, detail["hazard"]) for code, detail in await cursor.fetchall()} == {
            ("town", "smoke"),
            ("heping", "smoke"),
        }


async def test_nobody_overwrites_words_that_he_has_not_read(web: Web) -> None:
    """A version is needed and must be the present one; the same again changes nothing."""
    async with web.client(await web.key()) as client:
        assert (await client.put(f"{OF_TOWN}/gas", json=WORDS)).status_code == 428
        made = await client.put(f"{OF_TOWN}/gas", json=WORDS, headers={"If-Match": "*"})
        same = await client.put(f"{OF_TOWN}/gas", json=WORDS, headers={"If-Match": made.headers["etag"]})
        assert same.json()["version"] == 1
        stale = {"If-Match": '"of yesterday"'}
        assert (await client.put(f"{OF_TOWN}/gas", json=WORDS, headers=stale)).status_code == 412
        assert (await client.delete(f"{OF_TOWN}/gas", headers=stale)).status_code == 412
        untouched = await client.delete(f"{OF_TOWN}/co", headers={"If-Match": "*"})
        assert untouched.json()["version"] is None


@pytest.mark.parametrize("wrong", [{"zh": ""}, {"en": "x" * 2001}, {"en": "a\x00b"}, {"fr": "x"}])
async def test_words_that_nobody_could_read_are_refused(web: Web, wrong: dict[str, str]) -> None:
    """Both languages, within limits, without control characters."""
    async with web.client(await web.key()) as client:
        answer = await client.put(f"{OF_TOWN}/sos", json=WORDS | wrong, headers={"If-Match": "*"})
    assert answer.status_code == 422


async def test_other_towns_and_readers_change_nothing(web: Web) -> None:
    """Outside the subtree there is nothing (404); who may only read is refused (403)."""
    async with web.client(await web.key("baisha")) as other:
        assert (await other.get(OF_TOWN)).status_code == 404
        assert (await other.put(f"{OF_TOWN}/sos", json=WORDS, headers={"If-Match": "*"})).status_code == 404
    async with web.client(await web.key(scopes=[Scope.READ])) as reader:
        assert (await reader.get(OF_TOWN)).status_code == 200
        assert (await reader.put(f"{OF_TOWN}/sos", json=WORDS, headers={"If-Match": "*"})).status_code == 403
        assert (await reader.delete(f"{OF_TOWN}/sos", headers={"If-Match": "*"})).status_code == 403
