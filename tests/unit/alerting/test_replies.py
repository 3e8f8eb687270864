"""What a text means, in a table."""

import pytest

from alerting.replies import Reply, Wish, read_reply

ACCEPT, DECLINE, STOP, START, UNCLEAR = Wish.ACCEPT, Wish.DECLINE, Wish.STOP, Wish.START, Wish.UNCLEAR


@pytest.mark.parametrize(
    ("body", "wish", "number"),
    [
        ("1 12", ACCEPT, 12),
        ("2 12", DECLINE, 12),
        ("12 1", ACCEPT, 12),
        ("12 2", DECLINE, 12),
        ("1", ACCEPT, None),
        (" 2 \n", DECLINE, None),
        ("１　１２", ACCEPT, 12),
        ("１２，２。", DECLINE, 12),
        ("1 12   ", ACCEPT, 12),
        ("1,12", ACCEPT, 12),
        ("1 #12", ACCEPT, 12),
        ("1 12号", ACCEPT, 12),
        ("1 12号事件", ACCEPT, 12),
        ("1 2", ACCEPT, 2),
        ("2 1", DECLINE, 1),
        ("1 1", ACCEPT, 1),
        ("收到", ACCEPT, None),
        ("收到！", ACCEPT, None),
        ("去", ACCEPT, None),
        ("去 12", ACCEPT, 12),
        ("12号我去", ACCEPT, 12),
        ("去不了", DECLINE, None),
        ("没空 12", DECLINE, 12),
        ("yes", ACCEPT, None),
        ("YES.", ACCEPT, None),
        ("Yes 12", ACCEPT, 12),
        ("I'm going", ACCEPT, None),
        ("I can’t", DECLINE, None),
        ("no", DECLINE, None),
        ("STOP", STOP, None),
        ("stop ", STOP, None),
        ("退订", STOP, None),
        ("Start", START, None),
        ("恢复", START, None),
        ("", UNCLEAR, None),
        ("12", UNCLEAR, None),
        ("3 12", UNCLEAR, None),
        ("1 12 13", UNCLEAR, None),
        ("yes 12 13", UNCLEAR, None),
        ("1 123456", UNCLEAR, None),
        ("谁去？", UNCLEAR, None),
        ("please stop calling", UNCLEAR, None),
        ("can I go tomorrow", UNCLEAR, None),
        ("👍", UNCLEAR, None),
    ],
)
def test_a_reply_means_what_its_writer_meant(body: str, wish: Wish, number: int | None) -> None:
    """Figures in either order and width, words in both languages; in doubt nothing is taken."""
    assert read_reply(body) == Reply(wish=wish, number=number)
