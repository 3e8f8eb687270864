"""What dies quickly is restarted ever more slowly, and never given up."""

from carewatch.supervise import BackOff


def test_the_pause_doubles_from_a_fifth_of_a_second_to_ten_seconds() -> None:
    """Each quick death doubles the pause, up to a limit that holds for good."""
    back_off = BackOff()
    pauses_s = [back_off.pause_s(lived_s=0.0) for _ in range(5000)]
    assert pauses_s[:8] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert set(pauses_s[8:]) == {10.0}


def test_a_minute_of_health_is_forgiven() -> None:
    """After a minute of service a death counts as the first; a moment less does not."""
    back_off = BackOff()
    for _ in range(4):
        back_off.pause_s(lived_s=0.0)
    assert back_off.pause_s(lived_s=59.9) == 3.2
    assert back_off.pause_s(lived_s=60.0) == 0.2
    assert back_off.pause_s(lived_s=0.0) == 0.4
