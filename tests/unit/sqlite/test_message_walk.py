"""Newest first without sorting: whatever the order of the file, the page is the same."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chat4all.adapters.sqlite import message_walk
from chat4all.adapters.sqlite.message_rows import ticks
from chat4all.adapters.sqlite.message_search import index_step
from chat4all.adapters.sqlite.message_store import SqliteMessageStore
from chat4all.adapters.sqlite.message_stretches import STRETCH, all_timed
from chat4all.adapters.sqlite.message_walk import newest_keys, walked_keys
from chat4all.domain.ids import MessageId, new_id
from chat4all.domain.messages import Message
from chat4all.ports.message_store import Effects
from chat4all.testing.message_storage import ANNA, START, Talk

COUNT = 1_500
LIMIT = 20


def in_order() -> list[int]:
    return list(range(COUNT))


def a_little_late() -> list[int]:
    chance = random.Random(1)  # noqa: S311 - any order
    return [number + chance.randrange(90) for number in range(COUNT)]


def old_ones_imported_last() -> list[int]:
    return [*range(1_000, 2_000), *range(500)]


def old_ones_imported_in_between() -> list[int]:
    return [*range(1_000, 1_700), *range(700), *range(1_700, 1_710), *range(700, 790)]


def two_from_a_clock_that_was_wrong() -> list[int]:
    return [9_000_000 if number in {3, 700} else number for number in range(COUNT)]


def shuffled() -> list[int]:
    numbers = in_order()
    random.Random(2).shuffle(numbers)  # noqa: S311
    return numbers


def stretches_out_of_order() -> list[int]:
    chance = random.Random(5)  # noqa: S311
    starts = list(range(0, 40 * STRETCH, STRETCH))
    for at in range(0, len(starts), 8):
        starts[at : at + 8] = chance.sample(starts[at : at + 8], k=8)
    numbers = [number for start in starts for number in range(start, start + STRETCH)]
    return numbers[1:]  # there is no key 0


def backwards() -> list[int]:
    return in_order()[::-1]


def many_at_one_time() -> list[int]:
    return [number // 300 for number in range(COUNT)]


ORDERS = [
    in_order,
    a_little_late,
    old_ones_imported_last,
    old_ones_imported_in_between,
    two_from_a_clock_that_was_wrong,
    shuffled,
    stretches_out_of_order,
    backwards,
    many_at_one_time,
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "messages.sqlite3"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteMessageStore]:
    async with SqliteMessageStore(path) as store:
        yield store


async def fill(store: SqliteMessageStore, talk: Talk, seconds: Sequence[int]) -> list[Message]:
    """Add messages of these times, every third with another word; return those with "needle".

    Their ids are in no order: those of one time come by them.
    """
    ids = [new_id() for _ in seconds]
    random.Random(6).shuffle(ids)  # noqa: S311
    words = ["needle" if number % 3 else "straw" for number in range(len(seconds))]
    added = [
        talk.add(word, message_id=MessageId(id_), created_at=START + timedelta(seconds=at))
        for word, at, id_ in zip(words, seconds, ids, strict=True)
    ]
    await store.apply(Effects(added=added))
    found = [new.message for new, word in zip(added, words, strict=True) if word == "needle"]
    return sorted(found, key=lambda one: (one.created_at, one.message_id), reverse=True)


async def pages(store: SqliteMessageStore, talk: Talk, **between: Any) -> list[Message]:
    seen: list[Message] = []
    last = None
    while page := await store.search(
        "needle", conversations=[talk.id], viewer=ANNA, before=last, limit=LIMIT, **between
    ):
        seen.extend(page)
        last = (page[-1].created_at, page[-1].message_id)
    return seen


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("most_walks", "near"), [(0, 64), (4, 0), (4, 64), (1_000, 0), (1_000, 2)])
async def test_pages_are_the_newest_in_any_order(
    store: SqliteMessageStore,
    order: Callable[[], list[int]],
    most_walks: int,
    near: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(message_walk, "MOST_WALKS", most_walks)
    monkeypatch.setattr(message_walk, "NEAR", near)
    talk = Talk()
    expected = await fill(store, talk, order())
    assert await pages(store, talk) == expected
    since, to = START + timedelta(seconds=300), START + timedelta(seconds=1_203)
    some = [one for one in expected if since <= one.created_at < to]
    assert await pages(store, talk, since=since, until=to) == some


async def test_a_page_reads_little_of_what_would_be_found(
    store: SqliteMessageStore, path: Path
) -> None:
    talk = Talk()
    await fill(store, talk, [*range(20_000, 40_000), *range(5_000), *range(40_000, 40_010)])
    assert len(await pages(store, talk, since=START + timedelta(seconds=40_000))) == 7
    with closing(sqlite3.connect(path)) as db:
        assert all_timed(db)
        walked, keys = steps(db, lambda: newest_keys(db, asked(db), limit=LIMIT))
        db.execute("UPDATE timed SET key = 0")
        sorted_, same = steps(db, lambda: newest_keys(db, asked(db), limit=LIMIT))
    assert keys == same
    assert len(keys) == LIMIT
    assert walked * 20 < sorted_


async def test_a_walk_does_not_go_where_a_later_one_was(
    store: SqliteMessageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_walk, "NEAR", 2)
    newest = [24, 16, 18, 17, 15, 23, 22, 21, 20, 19]  # the second walk begins at 16
    by_age = [*range(15), *reversed(newest)]
    blocks = [range(at * STRETCH, (at + 1) * STRETCH) for at in map(by_age.index, range(25))]
    talk = Talk()
    expected = await fill(store, talk, [at for block in blocks for at in block][1:])
    page = await store.search("needle", conversations=[talk.id], viewer=ANNA, limit=200)
    assert page == expected[:200]


async def test_what_is_in_no_order_is_sorted(store: SqliteMessageStore, path: Path) -> None:
    talk = Talk()
    blocks = [range(at, at + STRETCH) for at in range(0, 600 * STRETCH, STRETCH)]
    random.Random(3).shuffle(blocks)  # noqa: S311
    expected = await fill(store, talk, [at for block in blocks for at in block])
    assert (
        await store.search("needle", conversations=[talk.id], viewer=ANNA, limit=500)
        == expected[:500]
    )
    with closing(sqlite3.connect(path)) as db:
        assert walked_keys(db, asked(db), limit=500) is None


async def test_a_file_of_an_older_version_is_searched_and_then_timed(path: Path) -> None:
    talk = Talk()
    async with SqliteMessageStore(path) as store:
        expected = await fill(store, talk, old_ones_imported_last())
        assert await pages(store, talk) == expected
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE stretch")
        db.execute("DROP TABLE timed")
        db.commit()
    async with SqliteMessageStore(path) as store:
        assert await pages(store, talk) == expected  # at once
        with closing(sqlite3.connect(path)) as db:
            async with asyncio.timeout(10):
                while not all_timed(db):  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.05)
            assert walked_keys(db, asked(db), limit=LIMIT) == newest_keys(
                db, asked(db), limit=LIMIT
            )
        assert await pages(store, talk) == expected


async def test_what_an_older_version_indexed_is_timed_later(path: Path) -> None:
    talk = Talk()
    async with SqliteMessageStore(path) as store:
        await fill(store, talk, range(100))
        await pages(store, talk)
    with closing(sqlite3.connect(path)) as db:
        whole = times_of(db)
        assert whole[0] == (0, ticks(START), ticks(START + timedelta(seconds=STRETCH - 2)))
        db.execute("UPDATE timed SET key = 0")
        db.execute("DELETE FROM stretch")
        assert not all_timed(db)
        assert not index_step(db)
        assert all_timed(db)
        assert times_of(db) == whole


async def test_the_times_of_a_stretch_grow_with_it(store: SqliteMessageStore, path: Path) -> None:
    talk = Talk()
    for times in (range(50, 60), range(90, 99), range(5)):
        await fill(store, talk, times)
        await pages(store, talk)
    with closing(sqlite3.connect(path)) as db:
        assert times_of(db) == [(0, ticks(START), ticks(START + timedelta(seconds=98)))]


def times_of(db: sqlite3.Connection) -> list[tuple[int, int, int]]:
    return db.execute("SELECT number, oldest, newest FROM stretch ORDER BY number").fetchall()


def asked(db: sqlite3.Connection) -> dict[str, Any]:
    """Return the query for the needle in the conversation of the first message."""
    [place] = db.execute("SELECT conversation FROM message LIMIT 1").fetchone()
    always = 2**63 - 1
    return {
        "query": f'place : "{place}" AND words : "needle" *',
        "places": f"[{place}]",
        "viewer": ANNA,
        "since": -always,
        "until": always,
        "latest": always,
        "before": always,
        "before_id": b"",
    }


def steps(db: sqlite3.Connection, work: Callable[[], list[int]]) -> tuple[int, list[int]]:
    """Return about how many instructions SQLite needs for a work, and what it returns."""
    count = 0

    def more() -> int:
        nonlocal count
        count += 1
        return 0

    db.set_progress_handler(more, 10)
    found = work()
    db.set_progress_handler(None, 10)
    return count, found
