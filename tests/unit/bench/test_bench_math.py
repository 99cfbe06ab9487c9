from __future__ import annotations

from typing import Any

import pytest

from bench.http1 import Connection
from bench.job import Findings, Outcome
from bench.ledger import Acknowledged, Ledger, judge
from bench.report import broken_of, lines_of, warnings_of
from bench.scenarios import Round
from bench.socket_client import Frames, masked
from bench.stats import latency, percentile, ratios, spread

ANA, BIA = "user-ana", "user-bia"


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(one) for one in range(1, 101)]
    assert [percentile(values, share) for share in (0.0, 0.5, 0.95, 0.99, 1.0)] == [
        1.0,
        50.0,
        95.0,
        99.0,
        100.0,
    ]
    assert percentile([7.0], 0.99) == 7.0


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_latency_is_told_in_milliseconds_whatever_the_order() -> None:
    found = latency([0.003, 0.001, 0.002])
    assert found is not None
    assert (found.count, found.p50, found.p99, found.most) == (3, 2.0, 3.0, 3.0)
    assert latency([]) is None


def test_a_spread_leaves_out_what_was_not_measured() -> None:
    found = spread([4.0, None, 2.0, 3.0])
    assert found is not None
    assert (found.median, found.least, found.most, found.rounds) == (3.0, 2.0, 4.0, 3)
    assert found.width == pytest.approx(2 / 3)
    assert spread([None]) is None


def test_ratios_are_taken_round_by_round() -> None:
    assert ratios([4.0, 3.0, None, 1.0], [8.0, 4.0, 1.0, 0.0]) == [0.5, 0.75, None, None]


def ledger(*messages: str, frames: list[tuple[str, int]] | None = None) -> Ledger:
    """Messages of lane 0, pushed to Bia in order unless `frames` says otherwise."""
    book = Ledger()
    for name in messages:
        book.acknowledged[name] = Acknowledged(lane=0, due=0.0, answered=1.0)
    arrived = book.receiver(BIA)
    for name, seq in frames or [(name, seq) for seq, name in enumerate(messages, 6)]:
        arrived(name, seq, 2.0)
    return book


def verdict(book: Ledger, *history: tuple[int, str]) -> Findings:
    """Judge lane 0, from Ana to Bia, which stood at seq 5 before."""
    return judge(book, {0: list(history)}, {0: 5}, {0: BIA})


def test_all_that_was_promised_and_kept_breaks_nothing() -> None:
    found = verdict(ledger("a", "b"), (6, "a"), (7, "b"))
    assert (found.broken, found.acknowledged, found.stored) == (0, 2, 2)


def test_an_acknowledged_message_that_is_not_in_the_history_is_lost() -> None:
    assert verdict(ledger("a", "b"), (6, "a")).lost == 1


def test_a_message_in_the_history_of_another_conversation_is_lost() -> None:
    book = ledger("a")
    found = judge(book, {0: [], 1: [(1, "a")]}, {0: 5}, {0: BIA, 1: BIA})
    assert found.lost == 1


def test_a_message_stored_twice_is_counted() -> None:
    assert verdict(ledger("a"), (6, "a"), (7, "a")).stored_twice == 1


def test_a_hole_in_the_numbers_is_a_gap() -> None:
    assert verdict(ledger("a", "b"), (6, "a"), (8, "b")).gaps == 1
    assert verdict(ledger("a"), (7, "a")).gaps == 1


def test_a_message_that_never_came_to_the_screen_is_counted() -> None:
    assert verdict(ledger("a", "b", frames=[("a", 6)]), (6, "a"), (7, "b")).not_pushed == 1


def test_a_message_at_somebody_elses_screen_was_not_pushed() -> None:
    book = ledger("a", frames=[("x", 1)])
    book.receiver(ANA)("a", 6, 2.0)
    assert verdict(book, (6, "a")).not_pushed == 1


def test_a_message_pushed_twice_is_repeated_and_out_of_order() -> None:
    found = verdict(ledger("a", frames=[("a", 6), ("a", 6)]), (6, "a"))
    assert (found.pushed_twice, found.pushed_out_of_order, found.broken) == (1, 1, 2)


def test_an_unanswered_message_may_be_there_but_not_break_the_order() -> None:
    found = verdict(ledger("a", frames=[("x", 6), ("a", 7)]), (6, "x"), (7, "a"))
    assert found.broken == 0


def outcome(accepted: float, *, name: str = "capacity", **more: Any) -> Outcome:
    values: dict[str, Any] = {
        "name": name,
        "kind": "closed",
        "seconds": 1.0,
        "offered": None,
        "accepted": accepted,
        "refused": {},
        "pushed": accepted,
        "drained_after": 0.1,
        "stored_after": 0.2,
        "generator_cpu": 0.5,
        "server_loop_cpu": 0.8,
        "server_threads_cpu": 0.2,
        "late": None,
        "answered": None,
        "on_screen": None,
        "accepted_to_screen": None,
        **more,
    }
    return Outcome(**values)


def rounds(*accepted: float, **more: Any) -> list[Round]:
    return [
        Round(
            outcomes={
                "litestar": {"capacity": outcome(10_000.0)},
                "empty": {"capacity": outcome(one, **more)},
            }
        )
        for one in accepted
    ]


def test_the_goal_is_judged_by_the_median_of_the_ratios() -> None:
    [line] = [one for one in lines_of(rounds(3_900, 4_100, 9_000)) if one.goal.startswith(">=")]
    assert line.value is not None
    assert (line.value.median, line.met) == (0.41, True)
    [line] = [one for one in lines_of(rounds(3_900, 3_900, 9_000)) if one.goal.startswith(">=")]
    assert line.met is False


def test_the_latency_goal_stands_at_half_load_alone() -> None:
    measured = rounds(4_000)
    for share in (25, 50):
        name = f"load {share}%"
        slow = latency([0.060])
        one = outcome(1.0, name=name, kind="open", on_screen=slow)
        measured[0].outcomes["empty"][name] = one
    judged = [line for line in lines_of(measured) if line.goal.startswith("<")]
    assert [(line.group, line.what, line.met) for line in judged] == [
        ("load 50%", "due to screen p99", False)
    ]


def test_a_broken_promise_is_counted_wherever_it_is_found() -> None:
    measured = rounds(4_000)
    measured[0].findings["empty"] = verdict(ledger("a"))
    measured[0].audit = {"sequence_gap": 2}
    assert broken_of(measured) == 3
    assert lines_of(measured)[-1].met is False


def test_a_generator_that_may_be_the_limit_is_told() -> None:
    assert warnings_of(rounds(4_000)) == []
    assert "may be the limit" in warnings_of(rounds(4_000, generator_cpu=0.95))[0]
    assert "got only 0.50 cores" in warnings_of(rounds(4_000, server_loop_cpu=0.3))[0]
    assert "3 requests were refused" in warnings_of(rounds(4_000, refused={"503": 3}))[0]


@pytest.mark.parametrize("step", [61, 1_000, 1_000_000])
def test_frames_are_cut_from_any_pieces(step: int) -> None:
    contents = [b"x" * size for size in (0, 125, 126, 65_535, 65_536)]
    stream = b""
    for content in contents:
        size = len(content)
        if size < 126:
            head = bytes((0x81, size))
        elif size < 65_536:
            head = bytes((0x81, 126)) + size.to_bytes(2, "big")
        else:
            head = bytes((0x81, 127)) + size.to_bytes(8, "big")
        stream += head + content
    frames = Frames()
    found = [
        content
        for at in range(0, len(stream), step)
        for _, content in frames.feed(stream[at : at + step])
    ]
    assert found == contents


def test_a_clients_frame_is_masked() -> None:
    raw = masked(0x81, b"hello")
    mask, content = raw[2:6], raw[6:]
    assert raw[:2] == bytes((0x81, 0x85))
    assert bytes(byte ^ mask[at % 4] for at, byte in enumerate(content)) == b"hello"


@pytest.mark.parametrize("step", [1, 7, 1_000])
def test_answers_are_read_from_any_pieces(step: int) -> None:
    heard: list[tuple[int, bytes]] = []

    def answered(_: Connection, status: int, body: bytes, __: float) -> None:
        heard.append((status, body))

    connection = Connection(answered)
    raw = b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\nx: y\r\n\r\nhello"
    for at in range(0, len(raw), step):
        connection.data_received(raw[at : at + step])
    connection.data_received(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n")
    assert heard == [(202, b"hello"), (204, b"")]
