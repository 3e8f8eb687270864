"""What is known of a device now: written when it matters, never moved back."""

from datetime import timedelta

import pytest
from fixtures.registries import a_device

from devices.model import Reading
from domain.supervision import unwritten_for
from ingest.packing import microseconds, moment_of
from ingest.states import States

T0 = microseconds(moment_of(1_772_596_800_000_000))
SECOND = 1_000_000
BAND = a_device(1, "band", silent_after_s=3600.0)


def speaking(states: States, at_us: int, reading: Reading | None = None, measured_us: int | None = None) -> int:
    """The band speaks; how many states are to be written then."""
    states.speak(BAND, at_us, late=False)
    if reading is not None:
        states.measure(BAND, reading, at_us if measured_us is None else measured_us, at_us)
    return len(states.take(at_us)[0])


def test_a_device_that_says_nothing_new_is_written_once_a_minute() -> None:
    """A thousand words a quarter of an hour cost some fifteen writes."""
    states = States()
    writes = sum(speaking(states, T0 + n * SECOND, Reading(battery_pct=80.0, worn=True)) for n in range(900))
    assert 10 <= writes <= 21


@pytest.mark.parametrize(
    ("reading", "notable"),
    [
        (Reading(battery_pct=80.0), False),
        (Reading(battery_pct=77.0), False),
        (Reading(battery_pct=74.0), True),
        (Reading(worn=False), True),
        (Reading(worn=True), False),
        (Reading(lat=36.0001, lon=114.0), False),
        (Reading(lat=36.001, lon=114.0), True),
        (Reading(charging=True), True),
    ],
)
def test_what_somebody_would_look_at_is_written_at_once(reading: Reading, notable: bool) -> None:
    """A step of the battery, a band taken off, a move beyond the scatter of fixes."""
    states = States()
    speaking(states, T0, Reading(battery_pct=80.0, worn=True, lat=36.0, lon=114.0, charging=False))
    assert speaking(states, T0 + SECOND, reading) == int(notable)


def test_late_words_change_nothing_and_words_from_the_future_count_as_now() -> None:
    """A clock that runs a day ahead must not freeze the latest for a day."""
    states = States()
    speaking(states, T0, Reading(worn=True), measured_us=T0 + 86_400 * SECOND)
    assert speaking(states, T0 + SECOND, Reading(worn=False), measured_us=T0 - SECOND) == 0
    states.speak(BAND, T0 + 2 * SECOND, late=False)
    states.measure(BAND, Reading(worn=False), T0 + 2 * SECOND, T0 + 2 * SECOND)
    (state,), _ = states.take(T0 + 2 * SECOND)
    assert (state.worn, state.worn_at) == (False, moment_of(T0 + 2 * SECOND))


def test_a_device_that_was_gone_and_speaks_is_online_and_late_words_do_not_bring_it_back() -> None:
    """A message that comes again was spoken before the will."""
    states = States()
    speaking(states, T0)
    states.lose(BAND.key, "s1")
    states.speak(BAND, T0 + SECOND, late=True)
    assert states.take(T0 + SECOND) == ([], {BAND.key: "s1"})
    states.speak(BAND, T0 + 2 * SECOND, late=False)
    (state,), gone = states.take(T0 + 2 * SECOND)
    assert (state.online, gone) == (True, {})


def test_a_will_before_a_new_word_in_the_same_batch_does_not_outlive_it() -> None:
    """Who is gone is written after who spoke."""
    states = States()
    states.lose(BAND.key, None)
    states.speak(BAND, T0, late=False, session="s2")
    (state,), gone = states.take(T0)
    assert (state.online, state.session, gone) == (True, "s2", {})


def test_devices_that_spoke_together_are_not_due_together() -> None:
    """A town that comes back at once must not write all its states in one second, again and again."""
    states = States()
    bands = [a_device(key, f"band-{key}") for key in range(1, 201)]
    for band in bands:
        states.speak(band, T0, late=False)
    assert len(states.take(T0)[0]) == 200
    due = []
    for second in range(1, 80):
        for band in bands:
            states.speak(band, T0 + second * SECOND, late=False)
        due.append(len(states.take(T0 + second * SECOND)[0]))
    assert max(due) < 30
    assert sum(due[:44]) == 0


@pytest.mark.parametrize("silent_after_s", [20.0, 90.0, 180.0, 1800.0, 90_000.0, 2_764_800.0])
def test_words_stay_unwritten_no_longer_than_supervision_allows_for(silent_after_s: float) -> None:
    """Else a device that speaks might be judged silent."""
    allowed_us = unwritten_for(timedelta(seconds=silent_after_s)) // timedelta(microseconds=1)
    for key in range(1, 200):
        states, device = States(), a_device(key, f"d{key}", silent_after_s=silent_after_s)
        states.speak(device, T0, late=False)
        assert len(states.take(T0)[0]) == 1
        states.speak(device, T0 + allowed_us, late=False)
        assert len(states.take(T0 + allowed_us)[0]) == 1


def test_the_last_word_of_a_device_is_written_though_it_says_nothing_more() -> None:
    """Its silence counts from there, and not from an earlier word."""
    states = States()
    speaking(states, T0)
    assert speaking(states, T0 + 20 * SECOND) == 0
    assert states.take(T0 + 40 * SECOND) == ([], {})
    (state,), _ = states.take(T0 + 80 * SECOND)
    assert state.last_seen_at == moment_of(T0 + 20 * SECOND)
    assert states.take(T0 + 900 * SECOND) == ([], {})
