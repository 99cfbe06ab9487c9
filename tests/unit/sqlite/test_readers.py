"""Reading beside the writer: in threads, and what is brief on the event loop."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from chat4all.adapters.sqlite import readers
from chat4all.adapters.sqlite.writer import Writer
from chat4all.domain.errors import StorageCorrupt


def set_up(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE IF NOT EXISTS item (n INTEGER PRIMARY KEY)")


def add(number: int, db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO item VALUES (?)", (number,))


def count(db: sqlite3.Connection) -> int:
    [found] = db.execute("SELECT count(*) FROM item").fetchone()
    return int(found)


def where(db: sqlite3.Connection) -> int:
    count(db)
    return threading.get_ident()


@pytest.fixture
async def items(tmp_path: Path) -> AsyncIterator[Writer]:
    async with Writer(tmp_path / "items.db", set_up) as items:
        yield items


async def test_what_is_brief_is_read_on_the_event_loop(items: Writer) -> None:
    assert await items.read(where, brief=True) == threading.get_ident()
    assert await items.read(where) != threading.get_ident()


async def test_what_is_brief_sees_what_was_committed(items: Writer) -> None:
    for n in range(5):
        await items.submit(partial(add, n))
        assert await items.read(count, brief=True) == n + 1


async def test_a_file_that_became_slow_does_not_hold_up_the_event_loop(
    items: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(db: sqlite3.Connection) -> int:
        time.sleep(4 * readers.AT_ONCE)
        return where(db)

    found = [await items.read(slow, brief=True) for _ in range(2 * readers.AVERAGED)]
    on_loop = found.count(threading.get_ident())
    assert 2 <= on_loop < readers.AVERAGED
    assert await items.read(where, brief=True) != threading.get_ident()
    monkeypatch.setattr(readers, "perf_counter", lambda: time.perf_counter() + readers.REST)
    assert await items.read(where, brief=True) == threading.get_ident()


async def test_one_slow_read_is_no_reason_to_wake_threads(items: Writer) -> None:
    await items.read(lambda _: time.sleep(50 * readers.AT_ONCE), brief=True)
    assert await items.read(where, brief=True) == threading.get_ident()


async def test_what_fails_on_the_event_loop_is_told_by_a_thread(items: Writer) -> None:
    tried: list[int] = []

    def damaged(db: sqlite3.Connection) -> int:
        tried.append(where(db))
        raise sqlite3.DatabaseError("database disk image is malformed")

    with pytest.raises((StorageCorrupt, sqlite3.DatabaseError)):
        await items.read(damaged, brief=True)
    here, elsewhere = tried
    assert here == threading.get_ident() != elsewhere
    assert await items.read(where, brief=True) != here


async def test_the_event_loop_waits_for_no_lock(items: Writer) -> None:
    def patience(db: sqlite3.Connection) -> float:
        [found] = db.execute("PRAGMA busy_timeout").fetchone()
        return float(found)

    assert await items.read(patience, brief=True) <= 10.0
    assert await items.read(patience) >= 1_000.0
