"""The checker of the chaos runs can fail: each kind of fault is counted, where it was seen."""

from __future__ import annotations

import pytest

from tests.chaos.tally import Tally

WANTED = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("shown", "lost", "repeated", "disordered"),
    [
        ("abcd", 0, 0, 0),
        ("abd", 1, 0, 0),
        ("", 4, 0, 0),
        ("abbcd", 0, 1, 0),
        ("abcda", 0, 1, 0),
        ("acbd", 0, 0, 1),
        ("dcba", 0, 0, 3),
        ("abcde", 1, 0, 0),
        ("dbb", 2, 1, 1),
    ],
)
def test_what_a_client_saw_is_compared_with_what_it_should_have_seen(
    shown: str, lost: int, repeated: int, disordered: int
) -> None:
    tally = Tally()
    tally.compare("a socket", WANTED, list(shown))
    assert (tally.lost, tally.repeated, tally.disordered) == (lost, repeated, disordered)
    assert bool(tally.told) == bool(tally.faults())
    assert all(one.startswith("a socket: ") for one in tally.told)


def test_a_number_that_is_missing_is_a_gap() -> None:
    tally = Tally()
    tally.number("a history", [])
    tally.number("a history", [1, 2, 3])
    assert tally.gaps == 0
    tally.number("a history", [2, 5])
    assert tally.gaps == 3


def test_a_cursor_that_goes_back_is_counted() -> None:
    tally = Tally()
    tally.hold("cursors", (3, 2), (3, 3))
    assert tally.cursors_back == 0
    tally.hold("cursors", (3, 2), (4, 1))
    assert tally.cursors_back == 1
