"""Who has seen the same has one cursor, and nobody has that of another."""

from __future__ import annotations

from chat4all.domain.events import Position, SyncCursor
from chat4all.services.told import Steps, Told


def test_clients_that_were_at_the_same_place_share_the_next_cursor() -> None:
    steps, start = Steps(), SyncCursor({0: 1})
    first, second = Told(start, steps), Told(start, steps)
    for offset in (2, 3):
        position = Position(0, offset)
        assert first.live(position) is second.live(position)
    assert first.cursor == SyncCursor({0: 3})


def test_clients_that_come_to_the_same_place_share_it_from_there() -> None:
    steps = Steps()
    first, second = Told(SyncCursor({0: 1}), steps), Told(SyncCursor({0: 7}), steps)
    position = Position(0, 9)
    assert first.live(position) is second.live(position)


def test_clients_at_different_places_keep_their_own() -> None:
    steps = Steps()
    both, one = Told(SyncCursor({0: 1, 1: 5}), steps), Told(SyncCursor({1: 4}), steps)
    position = Position(0, 9)
    assert both.live(position) == SyncCursor({0: 9, 1: 5})
    assert one.live(position) == SyncCursor({0: 9, 1: 4})
    assert both.live(position) == SyncCursor({0: 9, 1: 5})


def test_an_event_that_comes_late_takes_nobody_back() -> None:
    steps = Steps()
    told = Told(SyncCursor({0: 9}), steps)
    assert told.live(Position(0, 3)) == SyncCursor({0: 9})
    assert told.live(Position(0, 10)) == SyncCursor({0: 10})
