"""The responder page: what it shows to whom and when, and that reading it changes nothing."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from fixtures.nights import Night
from fixtures.town import NOON

from api.app import build_app
from api.services import Services, WebConfig
from devices.model import Hazard
from domain.health import Health
from domain.incident import IncidentId, Outcome, SubjectKind
from domain.notification import AnswerKind, Via
from store.pool import open_database
from store.registry import Noun, save

LARGEST_PAGE_BYTES = 30 * 1024
SECRETS = ("秀兰", "三组1号", "钥匙在东邻李家", "amap", "openstreetmap", "+8637212345678")


class Phone:
    """A phone that opens links, at the night's time; it comes from nowhere in particular."""

    def __init__(self, night: Night, client: httpx.AsyncClient) -> None:
        self.night = night
        self.client = client

    async def link(self, who: str) -> str:
        """The link of the newest message to ``who``."""
        rows = await self.night.query(
            """SELECT n.token FROM notifications n JOIN responders r ON r.id = n.responder_id
               WHERE r.code = %s ORDER BY n.id DESC LIMIT 1""",
            who,
        )
        return f"/r/{rows[0][0]}"

    async def opens(self, who: str, language: str = "en") -> httpx.Response:
        """Open the newest link of ``who``."""
        return await self.client.get(await self.link(who), params={"lang": language})

    async def posts(self, who: str, do: str, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        """Post a form of the page and follow where it leads."""
        link = await self.link(who)
        return await self.client.post(
            f"{link}?lang=en", data={"do": do, **fields}, headers=headers or {}, follow_redirects=True
        )


class _Hands:
    """Care time of the web: the night's."""

    def __init__(self, night: Night) -> None:
        self._night = night

    def now(self) -> Any:
        return self._night.now

    async def sleep_until(self, moment: Any) -> None:
        raise AssertionError("a page waits for nothing")


@pytest.fixture
async def phone(night: Night, dsn: str) -> Any:
    """A phone in the small town, where the home has a telephone."""
    await night.query("UPDATE households SET phone = '+8637212345678' WHERE code = 'home-1'")
    services = Services(night.database, _Hands(night), WebConfig(dsn=dsn), Health())
    transport = httpx.ASGITransport(build_app(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Phone(night, client)


async def _snapshot(night: Night) -> list[Any]:
    tables = ("incidents", "notifications", "participations", "timeline", "receipts", "contacts", "notes")
    return [await night.query(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]


async def _pressed(night: Night) -> IncidentId:
    incident = await night.raises()
    await night.passes()
    return incident


async def test_before_acceptance_it_tells_surname_hazard_community_and_time(phone: Phone) -> None:
    """And neither name nor address nor how to get in."""
    await _pressed(phone.night)
    page = await phone.opens("daughter", "zh-CN")
    assert page.status_code == 200
    for told in ("张老人", "呼救", "和平村", "12:00", "我去", "我去不了"):
        assert told in page.text
    assert [secret for secret in SECRETS if secret in page.text] == []
    assert len(page.content) < LARGEST_PAGE_BYTES


async def test_opening_a_link_changes_nothing_however_often(phone: Phone) -> None:
    """Messengers open links for previews, scanners for malice; neither accepts an incident."""
    await _pressed(phone.night)
    before = await _snapshot(phone.night)
    for query in ("", "?do=accept", "?told=accept", "?lang=en"):
        answer = await phone.client.get(await phone.link("daughter") + query)
        assert answer.status_code == 200
    assert (await phone.client.head(await phone.link("daughter"))).status_code == 405
    assert await _snapshot(phone.night) == before


async def test_after_acceptance_it_tells_where_to_go(phone: Phone) -> None:
    """Name, address, how to get in, the telephone of the home, two maps, who else goes, what has happened."""
    incident = await _pressed(phone.night)
    await phone.night.says("son", AnswerKind.ACCEPT, incident)
    page = await phone.posts("daughter", "accept")
    assert page.status_code == 200
    assert "Thank you for going." in page.text
    for told in (
        "张秀兰",
        "三组1号, 和平村",
        "钥匙在东邻李家",
        'href="tel:+8637212345678"',
        "uri.amap.com",
        "mlat=36.0001",
    ):
        assert told in page.text
    assert "<p>son</p>" in page.text
    assert "daughter is going (by link)" in page.text
    assert len(page.content) < LARGEST_PAGE_BYTES
    rows = await phone.night.query("SELECT state FROM incidents")
    assert rows == [("acknowledged",)]


async def test_another_person_sees_no_address_because_one_has_accepted(phone: Phone) -> None:
    """Acceptance opens the details to whoever accepted, and to nobody else."""
    await phone.night.raises(Hazard.SMOKE, subject=SubjectKind.HOUSEHOLD)
    await phone.night.passes()
    await phone.posts("daughter", "accept")
    page = await phone.opens("neighbour")
    assert [secret for secret in SECRETS if secret in page.text] == []


async def test_who_withdraws_sees_no_details_any_more(phone: Phone) -> None:
    """She cannot go after all: the page is as it was before."""
    await _pressed(phone.night)
    await phone.posts("daughter", "accept")
    page = await phone.posts("daughter", "decline")
    assert "we will ask somebody else" in page.text
    assert [secret for secret in SECRETS if secret in page.text] == []
    assert await phone.night.query("SELECT state FROM incidents") == [("open",)]


async def test_arrival_and_outcome_with_a_note(phone: Phone) -> None:
    """The way through to the end; the note stands apart from the timeline; the contact is confirmed."""
    await _pressed(phone.night)
    await phone.posts("daughter", "accept")
    assert "you are there" in (await phone.posts("daughter", "arrive")).text
    assert await phone.night.query("SELECT state FROM incidents") == [("on_scene",)]
    page = await phone.posts("daughter", "close", outcome="assistance", note="  helped her up  ")
    assert "This has been resolved: Assistance." in page.text
    assert [secret for secret in SECRETS if secret in page.text] == []
    assert await phone.night.query(
        "SELECT outcome, resolved_by = 'responder:' || r.id FROM incidents, responders r WHERE r.code = 'daughter'"
    ) == [("assistance", True)]
    assert await phone.night.query("SELECT body FROM notes") == [("helped her up",)]
    assert await phone.night.query(
        "SELECT c.channel FROM contacts c JOIN responders r ON r.id = c.responder_id "
        "WHERE r.code = 'daughter' AND c.confirmed_at IS NOT NULL"
    ) == [("voice",)]


async def test_an_end_without_an_outcome_is_no_end(phone: Phone) -> None:
    """Nor is one that only the platform may write."""
    await _pressed(phone.night)
    await phone.posts("daughter", "accept")
    for outcome in ("", "recovered", "nonsense"):
        page = await phone.posts("daughter", "close", outcome=outcome)
        assert "Please choose how it ended." in page.text
    assert await phone.night.query("SELECT state FROM incidents") == [("acknowledged",)]


async def test_answers_are_idempotent_and_a_late_one_is_told_what_happened(phone: Phone) -> None:
    """Twice is once; after the end the page says so."""
    incident = await _pressed(phone.night)
    await phone.posts("daughter", "accept")
    again = await phone.posts("daughter", "accept")
    assert "You have told us so already." in again.text
    assert (await phone.night.timeline(incident)).count("accepted first") == 1
    await phone.night.says(
        "desk", AnswerKind.CLOSE, incident, outcome=Outcome.FALSE_ALARM, via=Via.CONSOLE, by="user:li"
    )
    late = await phone.posts("daughter", "arrive")
    assert "resolved before your answer came" in late.text
    assert "This has been resolved: False alarm." in late.text


async def test_a_new_press_asks_again_and_the_page_says_so(phone: Phone) -> None:
    """Who is on the way sees the new alarm and can answer it."""
    await _pressed(phone.night)
    await phone.posts("daughter", "accept")
    await phone.night.raises()
    await phone.night.passes()
    page = await phone.opens("daughter")
    assert "We have to ask again: are you going?" in page.text
    assert "2 alarms" in page.text
    assert "Thank you for going." in (await phone.posts("daughter", "accept")).text


async def test_where_she_was_last_is_told_only_with_her_consent(phone: Phone) -> None:
    """Location, to responders, now: withdrawn, expired or for the desk only is no consent."""
    night = phone.night
    await _pressed(night)
    await phone.posts("daughter", "accept")
    await night.query(
        """INSERT INTO device_states (device_key, last_seen_at, lat, lon, accuracy_m, position_at)
           SELECT id, %(now)s, 36.02, 114.02, 12, %(now)s FROM devices WHERE device_id = 'band-1'""".replace(
            "%(now)s", "'2026-03-04 03:50Z'"
        )
    )

    async def consents(recipient: str, **times: Any) -> bool:
        async with night.database.transaction() as connection:
            written = {"resident": "zhang-1", "purpose": "location", "recipient": recipient, "given_by": "resident"}
            await save(connection, Noun.CONSENTS, [{**written, **times}], now=NOON - timedelta(days=9))
        shown = "Last seen at 11:50, within 12 m" in (await phone.opens("daughter")).text
        await night.query("DELETE FROM consents")
        return shown

    assert not await consents("duty_desk")
    assert not await consents("responders", valid_until=(NOON - timedelta(days=1)).isoformat())
    assert await consents("responders")
    assert "Last seen" not in (await phone.opens("daughter")).text


async def test_every_view_of_a_person_is_audited(phone: Phone) -> None:
    """Who looked, at whom, by which way, and whether the address was shown."""
    await _pressed(phone.night)
    await phone.opens("daughter")
    await phone.posts("daughter", "accept")
    daughter = phone.night.town.responders["daughter"]
    rows = await phone.night.query("SELECT actor, action, noun, noun_id, detail ->> 'details' FROM audit ORDER BY id")
    seen = (f"responder:{daughter}", "view", "residents", "zhang-1")
    assert rows == [(*seen, "false"), (*seen, "true")]


async def test_a_link_ends_a_day_after_the_end(phone: Phone) -> None:
    """23 h 59 min later it still tells how it ended; then it tells nothing, to nobody."""
    incident = await _pressed(phone.night)
    await phone.night.says("x", AnswerKind.CLOSE, incident, outcome=Outcome.TEST, via=Via.CONSOLE, by="user:li")
    phone.night.now += timedelta(hours=23, minutes=59)
    assert "This has been resolved: Test." in (await phone.opens("daughter")).text
    phone.night.now += timedelta(minutes=2)
    for answer in (await phone.opens("daughter"), await phone.posts("daughter", "accept")):
        assert answer.status_code == 410
        assert "no longer valid" in answer.text
        assert "SOS" not in answer.text
        assert "张" not in answer.text


@pytest.mark.parametrize(
    "token", ["AAAAAAAAAAAAAAAAAAAAAA", "short", "%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00"]
)
async def test_an_unknown_link_says_so_plainly(phone: Phone, token: str) -> None:
    """404, in words, and the same for reading and answering."""
    for answer in (
        await phone.client.get(f"/r/{token}?lang=en"),
        await phone.client.post(f"/r/{token}?lang=en", data={"do": "accept"}),
    ):
        assert answer.status_code == 404
        assert "There is nothing behind this link" in answer.text


async def test_the_residents_own_token_and_a_retired_responder_open_nothing(phone: Phone) -> None:
    """A call to the resident has a token, too, which is no link; who has left the service sees nothing any more."""
    await phone.night.raises(Hazard.INACTIVITY)
    await phone.night.passes()
    rows = await phone.night.query("SELECT token FROM notifications WHERE responder_id IS NULL")
    assert (await phone.client.get(f"/r/{rows[0][0]}")).status_code == 404
    await phone.night.raises()
    await phone.night.passes()
    await phone.night.query("UPDATE responders SET retired_at = now() WHERE code = 'daughter'")
    assert (await phone.opens("daughter")).status_code == 410


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://test"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Origin": "http://127.0.0.1:8080"}, True),  # the public address, behind a proxy that names another host
        ({}, True),  # an old phone
    ],
)
async def test_another_site_cannot_answer_with_somebodys_browser(
    phone: Phone, headers: dict[str, str], taken: bool
) -> None:
    """A form elsewhere that submits itself to a forwarded link is refused; the page's own form is not."""
    await _pressed(phone.night)
    page = await phone.posts("daughter", "accept", headers)
    assert page.status_code == (200 if taken else 403)
    assert await phone.night.query("SELECT state FROM incidents") == [("acknowledged" if taken else "open",)]


async def test_nothing_is_stored_leaked_or_run(phone: Phone) -> None:
    """No cache, no frame, no script, no address told to other sites, no search engine."""
    await _pressed(phone.night)
    page = await phone.opens("daughter")
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"].startswith("no-referrer")
    assert page.headers["x-frame-options"] == "DENY"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy + page.text
    assert "noindex" in page.text


async def test_it_speaks_the_language_of_the_message_with_a_switch(phone: Phone) -> None:
    """Chinese here, English there, one touch apart."""
    await _pressed(phone.night)
    link = await phone.link("daughter")
    assert 'lang="zh-CN"' in (await phone.client.get(link)).text
    assert 'href="?lang=en"' in (await phone.client.get(link)).text
    await phone.night.query("UPDATE notifications SET language = 'en'")
    assert '<html lang="en">' in (await phone.client.get(link)).text


async def test_what_people_wrote_cannot_become_markup(phone: Phone) -> None:
    """Names and notes come from anywhere."""
    await phone.night.query("UPDATE residents SET surname = '<b>x</b>'")
    await phone.night.query("UPDATE households SET access_notes = '\"><script>'")
    await _pressed(phone.night)
    page = await phone.posts("daughter", "accept")
    assert "<b>x" not in page.text
    assert "<script" not in page.text
    assert "&lt;b&gt;x" in page.text


async def test_a_matter_of_no_home_is_shown_with_its_organisation(phone: Phone) -> None:
    """Nobody was reached: the desk of the town gets a link, and there is no address to show."""
    await phone.night.query("DELETE FROM circle_members WHERE circle <> 'duty_desk'")
    await phone.night.raises()
    await phone.night.passes(timedelta(minutes=8))
    rows = await phone.night.query(
        "SELECT n.token FROM notifications n JOIN incidents i ON i.id = n.incident_id WHERE i.hazard = 'nobody_reached'"
    )
    page = await phone.client.get(f"/r/{rows[0][0]}?lang=en")
    assert "Nobody reached" in page.text
    accepted = await phone.client.post(f"/r/{rows[0][0]}?lang=en", data={"do": "accept"}, follow_redirects=True)
    assert "Thank you for going." in accepted.text
    assert "Where to go" not in accepted.text


async def test_a_database_that_is_away_is_told_in_words(night: Night) -> None:
    """Not in the language of programs."""
    async with open_database("host=/nowhere dbname=none", "test", wait_s=0.2) as away:
        services = Services(away, _Hands(night), WebConfig(dsn="x"), Health())
        transport = httpx.ASGITransport(build_app(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.get("/r/AAAAAAAAAAAAAAAAAAAAAA?lang=en")
    assert answer.status_code == 503
    assert "call the duty desk" in answer.text
