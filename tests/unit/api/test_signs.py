"""How the platform is: one sign for each kind of lane, whatever the number of partitions."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from api.console.feed import Snapshot
from api.console.signs import signs
from api.words import Words
from domain.people import Language
from store.desk import Platform

NOON = datetime(2026, 3, 4, 4, tzinfo=UTC)


def _said(
    lanes: Mapping[str, timedelta | None],
    *,
    engine_s: int = 0,
    sender_s: int = 0,
    waiting: int = 0,
    taken_s: int | None = None,
    refused: bool = False,
) -> list[str]:
    """Each sign as "word value age in s", with a "!" before those that are late."""
    snapshot = Snapshot(
        number=1,
        at=NOON,
        speed=1.0,
        queue=(),
        platform=Platform(
            engine_since=NOON - timedelta(seconds=engine_s) if engine_s else None,
            waiting=waiting,
            sender_since=NOON - timedelta(seconds=sender_s) if sender_s else None,
            taken_at=None if taken_s is None else NOON - timedelta(seconds=taken_s),
            refused=refused,
        ),
        lanes={lane: None if age is None else NOON - age for lane, age in lanes.items()},
    )
    return [
        ("" if one.ok else "! ")
        + " ".join(
            [one.word, *filter(None, [one.value])]
            + ([] if one.since_ms is None else [f"{NOON.timestamp() - one.since_ms / 1000:.0f}"])
        )
        for one in signs(snapshot, Words(Language.EN))
    ]


@pytest.mark.parametrize(
    ("lanes", "said"),
    [
        ({}, ["! Alarm lane never", "! Data lane never"]),
        ({"p00-alarm": None, "p00-telemetry": None}, ["! Alarm lane never", "! Data lane never"]),
        ({"p00-alarm": 4, "p00-telemetry": 5}, ["Alarm lane 4", "Data lane 5"]),
        ({"p00-alarm": 4, "p01-alarm": 9, "p00-telemetry": 5}, ["Alarm lane 9", "Data lane 5"]),
        ({"p00-alarm": 4, "p00-telemetry": 60}, ["Alarm lane 4", "! Data lane 60"]),
        ({"p00-alarm": 4, "p-x-alarm": 90, "p00-telemetry": 5}, ["! Alarm lane p-x 90", "Data lane 5"]),
        ({"p00-alarm": 99, "p01-alarm": None, "p00-telemetry": 5}, ["! Alarm lane p01 never", "Data lane 5"]),
    ],
)
def test_a_kind_of_lane_is_as_well_as_its_worst(lanes: Mapping[str, int | None], said: list[str]) -> None:
    """The age is that of the oldest canary; the lane is named where it is late and not the only one."""
    ages = {f"ingest-{lane}": None if age is None else timedelta(seconds=age) for lane, age in lanes.items()}
    assert _said(ages)[:2] == said


@pytest.mark.parametrize(
    ("engine_s", "sender_s", "waiting", "said"),
    [
        (0, 0, 0, ["Engine on time", "Sender on time"]),
        (9, 9, 3, ["Engine on time", "Sender 3 waiting"]),
        (11, 11, 3, ["! Engine 11", "! Sender 3 waiting 11"]),
    ],
)
def test_engine_and_sender_are_late_after_ten_seconds(
    engine_s: int, sender_s: int, waiting: int, said: list[str]
) -> None:
    """By what has waited longest."""
    assert _said({}, engine_s=engine_s, sender_s=sender_s, waiting=waiting)[2:] == said


@pytest.mark.parametrize(
    ("taken_s", "refused", "waiting", "said"),
    [
        (42, False, 0, "Sender 42"),
        (42, False, 3, "Sender 3 waiting"),
        (42, True, 3, "! Provider fails 42"),
        (None, True, 0, "! Provider fails"),
    ],
)
def test_the_provider_is_seen_by_what_it_has_taken_last(
    taken_s: int | None, refused: bool, waiting: int, said: str
) -> None:
    """Since when; and it fails as long as something is tried again that it has refused since."""
    assert _said({}, waiting=waiting, taken_s=taken_s, refused=refused)[3] == said
