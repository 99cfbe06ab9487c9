"""The bench of full stores: what is in them, what their pages hold, and what is told."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from bench import full
from bench.full import (
    EMPTY,
    FULL,
    LIST,
    LIST_MIDDLE,
    MANY,
    MIDDLE,
    NEWEST,
    ONE,
    WIDE,
    Pages,
    Seen,
    Sizes,
    Store,
    asked_of,
    broken_of,
    fill_stopped,
    is_right,
    lines_of,
)
from bench.job import Lane, Latency
from bench.on_off import HALF, Measured
from bench.search import PAGE
from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.domain.ids import new_id
from tests.unit.bench.test_bench_math import ledger, outcome, verdict

SIZES = Sizes(stored=200, conversations=120, repeats=1)


async def filled(folder: Path, name: str) -> Store:
    lane = Lane(
        conversation_id=new_id(),
        sender_id=new_id(),
        sender_token="a",
        recipient_id=new_id(),
        recipient_token="b",
    )
    return await fill_stopped(folder, name, SIZES, 1, [lane])


def counted(folder: Path) -> list[int]:
    """Return how many messages each conversation has, the fullest first."""
    with closing(sqlite3.connect(folder / "messages.sqlite3")) as db:
        rows = db.execute("SELECT count(*) FROM message GROUP BY conversation ORDER BY 1 DESC")
        return [count for (count,) in rows]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full, "FEW", 60)
    monkeypatch.setattr(full, "MINE", 3)


@pytest.mark.parametrize(
    ("name", "messages"),
    [
        (EMPTY, [60, 1, 1]),
        (MANY, [67, 67, 66, 60, 1, 1]),
        (ONE, [200, 1, 1]),
        (WIDE, [60, *[1] * 119]),
    ],
)
async def test_each_store_is_full_of_what_it_is_called_after(
    tmp_path: Path, name: str, messages: list[int]
) -> None:
    store = await filled(tmp_path, name)
    assert counted(tmp_path) == messages
    assert store.messages == (200 if name == ONE else 60)
    assert len(store.mine) == (120 if name == WIDE else 3)


async def test_the_pages_of_conversations_are_those_of_the_product(tmp_path: Path) -> None:
    store = await filled(tmp_path, WIDE)
    asked = asked_of(store)
    async with SqlDirectory(f"sqlite:///{tmp_path / 'directory.sqlite3'}") as directory:
        listed = await directory.conversations.of_user(store.reader.id, after=None, limit=200)
    ids = [one.id for one in listed]
    assert len(ids) == 120
    assert asked[LIST][1] == ids[:PAGE]
    path, amid = asked[LIST_MIDDLE]
    assert amid == ids[60 : 60 + PAGE]
    assert path.endswith(f"&cursor={ids[59]}")


def page(*seqs: int) -> bytes:
    return msgspec.json.encode({"items": [{"id": "m", "seq": seq} for seq in seqs]})


async def test_a_history_is_read_at_its_end_and_in_its_middle(tmp_path: Path) -> None:
    asked = asked_of(await filled(tmp_path, ONE))
    assert asked[NEWEST][1] == list(range(151, 201))
    path, amid = asked[MIDDLE]
    assert path.endswith("&before_seq=101")
    assert amid == list(range(51, 101))


def test_a_page_has_to_hold_exactly_what_is_expected() -> None:
    assert is_right(page(1, 2), [1, 2])
    assert not is_right(page(2, 1), [1, 2])
    assert not is_right(page(1), [1, 2])
    assert is_right(msgspec.json.encode({"items": [{"id": "c"}]}), ["c"])


def latency_of(median: float, most: float = 0.0) -> Latency:
    return Latency(count=1, p50=median, p95=median, p99=median, most=most)


def seen(rate: float, page: float, stall: float, wrong: int = 0) -> Seen:
    half = outcome(rate / 2, name=HALF, answered=latency_of(1.0, stall))
    return Seen(
        load=Measured(phases={"capacity": outcome(rate), HALF: half}, findings=verdict(ledger())),
        pages=Pages(
            took={name: latency_of(page) for name in (NEWEST, MIDDLE, LIST, LIST_MIDDLE)},
            wrong=wrong,
        ),
    )


def test_full_stores_are_compared_with_the_empty_one_of_their_round() -> None:
    rounds = [
        {EMPTY: seen(1_000 * slow, 2.0 * slow, 5.0)}
        | {name: seen(900 * slow, 3.0 * slow, 10.0 * slow) for name in FULL}
        for slow in (1.0, 5.0, 3.0)
    ]
    lines = dict(lines_of(rounds))
    assert lines["many messages / empty: accepted, goal 0.9"].most == 0.9
    assert lines["one conversation: longest answer at half load, ms, goal <= 20"].median == 30.0
    assert lines["empty: longest answer at half load, ms"].most == 5.0
    assert lines[f"one conversation / empty: {MIDDLE}, goal <= 1.2"].most == 1.5
    assert lines[f"many conversations / empty: {LIST}, goal <= 1.2"].least == 1.5
    assert lines[f"many messages: {NEWEST}, p50, ms"].median == 9.0


def test_a_wrong_page_breaks_a_promise_as_a_lost_message_does() -> None:
    lost = Seen(
        load=Measured(phases={}, findings=verdict(ledger("a"))),
        pages=Pages(took={}, wrong=0),
    )
    broken = verdict(ledger("a")).broken
    assert broken_of([{EMPTY: seen(1.0, 1.0, 1.0, wrong=2), ONE: lost}]) == 2 + broken
