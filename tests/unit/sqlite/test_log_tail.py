from __future__ import annotations

from datetime import UTC, datetime

from chat4all.adapters.sqlite.log_tail import KEPT_RECORDS, Tail
from chat4all.domain.events import Position
from chat4all.ports.event_log import LogRecord


def records(first: int, count: int, *, size: int = 1) -> list[LogRecord]:
    now = datetime.now(UTC)
    return [
        LogRecord("s", Position(0, n), "k", b"x" * size, now) for n in range(first, first + count)
    ]


def offsets(tail: Tail) -> list[int]:
    return [record.position.offset for record in tail.slice(tail.base, 10**9)]


def test_what_is_let_go_leaves_offsets_and_records_in_step() -> None:
    tail = Tail(0, 0)
    for first in range(0, 5 * KEPT_RECORDS, 1000):
        tail.extend(first, records(first, 1000))
        assert offsets(tail) == list(range(tail.base, first + 1000))
        assert len(offsets(tail)) <= 2 * KEPT_RECORDS


def test_large_records_are_let_go_by_their_bytes() -> None:
    tail = Tail(0, 0)
    for first in range(200):
        tail.extend(first, records(first, 1, size=1 << 20))
    assert tail.end == 200
    assert 1 <= len(offsets(tail)) <= 33


def test_what_was_found_in_the_file_before_is_not_taken_twice() -> None:
    tail = Tail(0, 0)
    tail.skip_to(10)
    tail.extend(5, records(5, 5))
    assert (tail.end, offsets(tail)) == (10, [])
    tail.extend(10, records(10, 2))
    assert offsets(tail) == [10, 11]


def test_records_of_another_process_leave_no_hole() -> None:
    tail = Tail(0, 0)
    tail.extend(0, records(0, 3))
    tail.extend(7, records(7, 2))
    assert (tail.base, tail.end, offsets(tail)) == (7, 9, [7, 8])


def test_what_was_trimmed_is_forgotten() -> None:
    tail = Tail(0, 0)
    tail.extend(0, records(0, 6))
    tail.trimmed_to(4)
    assert (tail.start, tail.base, tail.end, offsets(tail)) == (4, 4, 6, [4, 5])
