"""The bench of batches: what is sent, what of an answer counts, what waits, and what is told."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench import backlog
from bench.backlog import watched
from bench.bare_commits import commit, committed, opened
from bench.batches import Round, broken_of, lines_of
from bench.contents import BATCH, requests_of
from bench.job import Latency
from bench.load import outcomes_of
from bench.on_off import Measured
from tests.unit.bench.test_bench_math import ledger, outcome, verdict
from tests.unit.bench.test_sends_bench import HERE, SAID, body, job


def test_a_batch_is_a_hundred_of_the_message_that_rest_sends() -> None:
    head, _, content = requests_of(job("rest batch"))(0, "").partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/messages/batch HTTP/1.1\r\n")
    assert b"authorization: Bearer a" in head
    sent: dict[str, Any] = msgspec.json.decode(content)
    assert sent == {"messages": [body("rest")] * 100}
    assert body("rest")["conversation_id"] == HERE


def test_every_message_of_a_batch_is_accepted_or_refused_for_itself() -> None:
    answer = {
        "items": [
            {"status": 202, "message_id": SAID, "conversation_id": HERE},
            {"status": 429, "problem": {"code": "rate_limited", "status": 429}},
            {"status": 500},
        ]
    }
    assert outcomes_of(msgspec.json.encode(answer)) == ([SAID], ["rate_limited", "500"])


def stored(path: Path) -> sqlite3.Connection:
    db = opened(path)
    commit(db, 0, 2, "hi")
    return db


def test_the_bare_rows_are_numbered_in_each_conversation(tmp_path: Path) -> None:
    with closing(stored(tmp_path / "messages.sqlite3")) as db:
        commit(db, 2 * BATCH, 2, "hi")
        asked = "SELECT conversation, count(*), min(seq), max(seq) FROM message GROUP BY 1"
        assert db.execute(asked).fetchall() == [(0, 200, 1, 200), (1, 200, 1, 200)]
        assert db.execute("SELECT count(DISTINCT offset) FROM message").fetchone() == (400,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_bare_rows_are_told_a_second(tmp_path: Path) -> None:
    path = tmp_path / "messages.sqlite3"
    rate = committed(path, 0.05, 3, "hi")
    with closing(sqlite3.connect(path)) as db:
        [(rows,)] = db.execute("SELECT count(*) FROM message")
    assert rows % (3 * BATCH) == 0
    assert 0 < rate <= rows / 0.05


async def test_what_was_answered_and_is_not_stored_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "LOOK", 0.001)
    path, answered = tmp_path / "messages.sqlite3", 0
    with closing(stored(path)) as db:
        async with watched(str(path), lambda: answered) as seen:
            answered = 300
            await asyncio.sleep(0.05)
            commit(db, 2 * BATCH, 2, "hi")
            answered = 400
            await asyncio.sleep(0.05)
    assert seen.most == 300


async def test_where_nobody_looks_nothing_is_said_of_what_waits() -> None:
    async with watched("", lambda: 5) as seen:
        pass
    assert seen.most is None


def one(accepted: float, bare: float, **more: Any) -> Round:
    full = outcome(accepted, **more)
    return Round(product=Measured(phases={"capacity": full}, findings=verdict(ledger())), bare=bare)


def test_the_lesser_of_acknowledged_and_pushed_is_compared_with_the_rows_of_its_round() -> None:
    rounds = [one(600.0, 1_000.0), one(6_000.0, 1_000.0, pushed=700.0), one(600.0, 1_200.0)]
    lines = dict(lines_of(rounds))
    found = lines["acknowledged and pushed / bare rows, goal 0.6"]
    assert (found.least, found.median, found.most) == (0.5, 0.6, 0.7)


def test_what_is_stored_is_told_until_the_last_row() -> None:
    answered = Latency(count=900, p50=1.0, p95=1.0, p99=2.0, most=3.0)
    slow = one(800.0, 1_000.0, answered=answered, ended_after=0.5, stored_after=1.5, backlog=70)
    lines = dict(lines_of([slow]))
    assert lines["stored/s until the last is"].median == 300.0
    assert lines["stored / bare rows, goal 0.3"].median == 0.3
    assert lines["most that waited to be stored, goal <= 50000"].median == 70
    assert lines["a batch of 100 answered, p99, ms"].median == 2.0


def test_what_is_lost_is_counted_in_every_round() -> None:
    full = {"capacity": outcome(1.0)}
    lost = Round(product=Measured(phases=full, findings=verdict(ledger("a"))), bare=1.0)
    assert broken_of([lost, lost, one(1.0, 1.0)]) == 2 * verdict(ledger("a")).broken
