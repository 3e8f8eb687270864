"""Topic filters are what the standard allows, and match what it says they match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from devices.wire.mqtt import InvalidField, check_filter, check_topic, matches


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        # section 4.7.1.2
        ("sport/tennis/player1/#", "sport/tennis/player1", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/ranking", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
        ("sport/tennis/player1/#", "sport/tennis/player2", False),
        ("sport/#", "sport", True),
        ("#", "anything/at/all", True),
        ("#", "/", True),
        # section 4.7.1.3
        ("sport/tennis/+", "sport/tennis/player1", True),
        ("sport/tennis/+", "sport/tennis/player1/ranking", False),
        ("sport/+", "sport", False),
        ("sport/+", "sport/", True),
        ("+/+", "/finance", True),
        ("/+", "/finance", True),
        ("+", "/finance", False),
        ("+/tennis/#", "sport/tennis", True),
        ("sport/+/player1", "sport/tennis/player1", True),
        ("sport/+/player1", "sport//player1", True),
        # section 4.7.2
        ("#", "$SYS/monitor/Clients", False),
        ("+/monitor/Clients", "$SYS/monitor/Clients", False),
        ("$SYS/#", "$SYS/monitor/Clients", True),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", True),
        ("care/+", "care/$SYS", True),
        # section 4.7.3
        ("ACCOUNTS", "Accounts", False),
        ("a", "/a", False),
        ("a", "a/", False),
        ("a b", "a b", True),
        ("care/330681/+/alarm", "care/330681/d1/alarm", True),
        ("care/330681/+/alarm", "care/330681/d1/telemetry", False),
    ],
)
def test_a_filter_matches_as_the_standard_says(topic_filter: str, topic: str, expected: bool) -> None:
    """The standard's own examples, and ours beside them."""
    assert matches(topic_filter, topic) is expected


@pytest.mark.parametrize(
    ("topic_filter", "source"),
    [
        ("", "MQTT-4.7.3-1"),
        ("sport/tennis#", "MQTT-4.7.1-2"),
        ("sport/tennis/#/ranking", "MQTT-4.7.1-2"),
        ("##", "MQTT-4.7.1-2"),
        ("#/", "MQTT-4.7.1-2"),
        ("sport+", "MQTT-4.7.1-3"),
        ("sport/+x/a", "MQTT-4.7.1-3"),
        ("++", "MQTT-4.7.1-3"),
    ],
)
def test_what_is_no_filter_is_refused_by_the_rule_that_it_breaks(topic_filter: str, source: str) -> None:
    """Checking raises InvalidField with the rule, and so does matching."""
    for attempt in (lambda: check_filter(topic_filter), lambda: matches(topic_filter, "a")):
        with pytest.raises(InvalidField) as caught:
            attempt()
        assert caught.value.source == source


@pytest.mark.parametrize("topic_filter", ["#", "+", "/", "+/+", "+/#", "a/+/b/#", "/#", " ", "守望/+"])
def test_filters_that_the_standard_allows_pass(topic_filter: str) -> None:
    """Nothing is raised."""
    check_filter(topic_filter)


levels = st.sampled_from(["", "a", "b", "$c", "守"])
topics = st.lists(levels, min_size=1, max_size=4).map("/".join).filter(bool)
filters = st.builds(
    lambda head, tail: "/".join(head + tail),
    st.lists(levels | st.just("+"), min_size=1, max_size=4),
    st.sampled_from([[], ["#"]]),
).filter(bool)


@given(topic_filter=filters | st.just("#"), topic=topics)
def test_matching_agrees_with_paho(topic_filter: str, topic: str) -> None:
    """For any filter and any topic both give the same answer."""
    check_topic(topic, "topic")
    assert matches(topic_filter, topic) is topic_matches_sub(topic_filter, topic)
