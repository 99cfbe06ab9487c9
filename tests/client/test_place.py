"""Where a client goes on: whatever is cut off, each frame is told once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat4all.client.place import Frame, Place, read_frame
from chat4all.domain.events import Position, SyncCursor

Log = list[list[int]]
"""For each partition: how many frames each of its events has."""


def frames_after(log: Log, cursor: SyncCursor, chance: Random) -> Iterator[tuple[str, Frame]]:
    """Yield what the server tells a client that resumes, the partitions mixed by chance."""
    waiting = [
        [Position(part, at) for at in range(len(events)) if not cursor.seen(Position(part, at))]
        for part, events in enumerate(log)
    ]
    while any(waiting):
        position = chance.choice([one for one in waiting if one]).pop(0)
        cursor = cursor.at(position)
        many = log[position.partition][position.offset]
        for number in range(many):
            name = f"{position.partition}.{position.offset}.{number}"
            yield name, frame_of(name, "status" if many > 1 else "message", str(cursor))


def frame_of(name: str, kind: str, cursor: str) -> Frame:
    about = {"message_id": name, "user_id": "bia", "channel": "app", "status": "read", "at": None}
    return read_frame(json.dumps({"type": kind, "cursor": cursor, **about}))


@given(
    log=st.lists(st.lists(st.integers(1, 4), max_size=8), min_size=1, max_size=3),
    cuts=st.lists(st.integers(0, 6), max_size=12),
    chance=st.randoms(use_true_random=False),
)
def test_each_frame_is_told_once_and_in_order_wherever_connections_break(
    log: Log, cuts: list[int], chance: Random
) -> None:
    place = Place("")
    told: list[str] = []
    for cut in [*cuts, 1_000]:
        for number, (name, frame) in enumerate(
            frames_after(log, SyncCursor.parse(place.cursor or ""), chance)
        ):
            if number == cut:
                break
            if place.takes(frame):
                told.append(name)
    every = {
        part: [
            f"{part}.{at}.{number}" for at, many in enumerate(log[part]) for number in range(many)
        ]
        for part in range(len(log))
    }
    assert len(told) == sum(len(one) for one in every.values())
    for part, names in every.items():
        assert [one for one in told if one.startswith(f"{part}.")] == names


def test_the_place_stays_before_statuses_of_which_more_may_come() -> None:
    place = Place("0.4")
    assert place.takes(frame_of("a", "status", "0.5"))
    assert place.takes(frame_of("b", "status", "0.5"))
    assert place.cursor == "0.4"
    assert place.takes(frame_of("c", "message", "0.6"))
    assert place.cursor == "0.6"


def test_what_is_no_cursor_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="not one of ours"):
        Place("yesterday")


def test_passing_signals_have_no_place() -> None:
    place = Place("0.4")
    typing = read_frame('{"type": "typing", "conversation_id": "c", "user_id": "u"}')
    assert [place.takes(typing), place.takes(typing)] == [True, True]
    assert place.cursor == "0.4"
