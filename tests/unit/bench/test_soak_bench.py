"""The bench of a soak: its pieces, what drifts, and what is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.servers import Server
from bench.soak import (
    EVERY,
    PIECE,
    Round,
    Sight,
    broken_of,
    drift,
    lines_of,
    look,
    pieces_of,
    slope,
)
from tests.unit.bench.test_bench_math import ledger, outcome, verdict


def sight(number: int, anonymous: float) -> Sight:
    return Sight(
        at=number * EVERY, resident=9.0, anonymous=anonymous, files=5, threads=3, data={"log": 2.0}
    )


def test_half_an_hour_is_three_pieces_at_one_rate() -> None:
    pieces = pieces_of(30, 700.0)
    assert [len(one) for one in pieces] == [PIECE] * 3
    assert {(one.kind, one.seconds, one.rate) for piece in pieces for one in piece} == {
        ("open", EVERY, 700.0)
    }
    assert len({one.name for piece in pieces for one in piece}) == 3 * PIECE


def test_a_drift_is_from_after_what_is_warm_to_the_end() -> None:
    assert drift([1.0, 1.0, 2.0, 2.0, 9.0, 9.0, 9.0, 9.0, 3.0, 3.0]) == 1.5
    assert drift([1.0] * 4) is None


def test_a_slope_is_by_the_hour_and_leaves_out_what_is_warm() -> None:
    sights = [sight(0, 0.0), sight(1, 0.0), *(sight(n, 100.0 + n * 0.1) for n in range(2, 10))]
    assert slope(sights) == pytest.approx(36.0)
    assert slope(sights[:1]) is None


def test_what_was_lost_in_any_piece_breaks_a_promise_and_memory_is_told() -> None:
    fine, bad = verdict(ledger()), verdict(ledger(*"ab"))
    one = Round(
        capacity=1_000.0,
        windows=[outcome(500.0)] * 5,
        sights=[sight(number, 100.0 if number < 9 else 110.0) for number in range(10)],
        findings=[fine, bad, bad],
    )
    assert broken_of([one]) == 2 * bad.broken > 0
    lines = dict(lines_of([one]))
    assert lines["anonymous memory, end / beginning, goal <= 1.03"].median == pytest.approx(1.05)
    assert lines["files, end / beginning"].median == 1.0
    assert lines["data at the end, MiB"].median == 2.0


def test_a_look_sees_memory_files_and_data(tmp_path: Path) -> None:
    (tmp_path / "log.sqlite3").write_bytes(b"x" * 2**20)
    seen = look(Server("http://here:1", os.getpid(), "me"), tmp_path)
    assert seen.data == {"log.sqlite3": 1.0}
    assert seen.resident >= seen.anonymous > 0
    assert seen.files > 0 < seen.threads
