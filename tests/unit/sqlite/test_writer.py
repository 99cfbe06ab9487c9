from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chat4all.adapters.sqlite import checkpoint, damage, writer
from chat4all.adapters.sqlite.errors import translate
from chat4all.adapters.sqlite.event_log import SqliteEventLog
from chat4all.adapters.sqlite.writer import Work, Writer
from chat4all.domain.errors import (
    BadSettings,
    SchemaTooNew,
    StorageCorrupt,
    StorageFull,
    Unavailable,
)
from chat4all.ports.event_log import COMMANDS


def set_up(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE IF NOT EXISTS item (n INTEGER PRIMARY KEY, body BLOB)")


def insert(number: int, size: int = 0) -> Work[int]:
    def work(db: sqlite3.Connection) -> int:
        db.execute("INSERT INTO item VALUES (?, zeroblob(?))", (number, size))
        return number

    return work


def numbers(db: sqlite3.Connection) -> list[int]:
    return [n for (n,) in db.execute("SELECT n FROM item ORDER BY n")]


OPENING = """
import asyncio, pathlib, re, sys
from chat4all.adapters.sqlite.writer import Writer

def held():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"RssAnon:\\s+(\\d+) kB", status)[1])

async def main():
    before = held()
    async with Writer(pathlib.Path(sys.argv[1]), lambda db: None):
        print(held() - before)

asyncio.run(main())
"""
"""Tells how many KiB more a process holds when it has opened a file."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "items.db"


@pytest.fixture(params=[0.0, 60.0], ids=["in a thread", "on the loop"])
async def items(path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Writer]:
    async with Writer(path, set_up, inline_below=request.param) as items:
        yield items


async def test_works_run_in_the_order_submitted(items: Writer) -> None:
    def how_many(db: sqlite3.Connection) -> int:
        insert(len(numbers(db)))(db)
        return len(numbers(db))

    assert await asyncio.gather(*(items.submit(how_many) for _ in range(100))) == [*range(1, 101)]


async def test_a_result_is_durable_when_it_is_told(items: Writer, path: Path) -> None:
    assert await items.submit(insert(7)) == 7
    with sqlite3.connect(path) as other:
        assert numbers(other) == [7]
    other.close()
    assert await items.read(numbers) == [7]


async def test_waiting_works_share_a_commit(items: Writer, path: Path) -> None:
    await asyncio.gather(*(items.submit(insert(n)) for n in range(1000)))
    pages_if_each_committed = 2 * 1000
    assert path.with_name("items.db-wal").stat().st_size < pages_if_each_committed * 4096 / 4


async def test_a_failing_work_undoes_only_itself(items: Writer) -> None:
    def half(db: sqlite3.Connection) -> None:
        insert(100)(db)
        raise LookupError("no")

    works: list[Work[object]] = [insert(1), insert(2), half, insert(1), insert(3)]
    answers = await asyncio.gather(*map(items.submit, works), return_exceptions=True)
    assert [type(answer) for answer in answers] == [
        int,
        int,
        LookupError,
        sqlite3.IntegrityError,
        int,
    ]
    assert await items.read(numbers) == [1, 2, 3]


async def test_a_cancelled_future_harms_no_neighbour(items: Writer) -> None:
    futures = [items.submit(insert(n)) for n in range(10)]
    futures[3].cancel()
    kept = await asyncio.gather(*futures, return_exceptions=True)
    assert [answer for answer in kept if isinstance(answer, int)] == [0, 1, 2, 4, 5, 6, 7, 8, 9]


async def test_a_full_disk_keeps_nothing_and_is_survived(items: Writer) -> None:
    await items.submit(insert(1))
    await items.submit(lambda db: db.execute("PRAGMA max_page_count = 20").fetchone())
    answers = await asyncio.gather(
        *(items.submit(insert(n, size=100_000)) for n in range(2, 6)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [StorageFull] * 4
    assert await items.read(numbers) == [1]
    await items.submit(lambda db: db.execute("PRAGMA max_page_count = 100000").fetchone())
    assert await items.submit(insert(2, size=100_000)) == 2


async def test_a_failed_commit_fails_its_whole_group(items: Writer) -> None:
    def orphan(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE IF NOT EXISTS parent (id INTEGER PRIMARY KEY)")
        db.execute(
            "CREATE TABLE IF NOT EXISTS child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
        )
        db.execute("INSERT INTO child VALUES (1)")

    futures: list[asyncio.Future[object]] = [
        items.submit(insert(1)),
        items.submit(orphan),
        items.submit(insert(2)),
    ]
    answers = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(answer) for answer in answers] == [sqlite3.IntegrityError] * 3
    assert await items.read(numbers) == []
    assert await items.submit(insert(3)) == 3


async def test_an_io_error_makes_the_writer_start_anew_from_the_file(items: Writer) -> None:
    connections: list[sqlite3.Connection] = []

    def failing(db: sqlite3.Connection) -> None:
        connections.append(db)
        insert(9)(db)
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error

    with pytest.raises(StorageFull):
        await items.submit(failing)
    await items.submit(connections.append)
    assert connections[-1] is not connections[0]
    assert await items.read(numbers) == []


async def test_a_locked_file_is_unavailable_and_comes_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BUSY_TIMEOUT", 0.05)
    async with Writer(path, set_up) as items:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            await items.submit(insert(1))
        other.close()
        assert await items.submit(insert(1)) == 1


async def test_a_file_that_another_program_locks_does_not_hold_up_the_loop(path: Path) -> None:
    async with Writer(path, set_up, inline_below=60.0) as items:
        assert await items.submit(insert(0)) == 0
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            waiting = [items.submit(insert(n)) for n in (1, 2)]
            await asyncio.sleep(0.1)
            waiting += [items.submit(insert(n)) for n in (3, 4)]
            await asyncio.sleep(0.1)
            assert time.monotonic() - began < 1.0 < writer.BUSY_TIMEOUT
            assert not any(one.done() for one in waiting)
        assert await asyncio.gather(*waiting) == [1, 2, 3, 4]
        assert await items.read(numbers) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("inline_below", [0.0, 60.0], ids=["in a thread", "on the loop"])
async def test_leaving_a_locked_file_ends_what_waits_with_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch, inline_below: float
) -> None:
    monkeypatch.setattr(writer, "BUSY_TIMEOUT", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        async with Writer(path, set_up, inline_below=inline_below) as items:
            other.execute("BEGIN IMMEDIATE")
            waiting = items.submit(insert(1))
    with pytest.raises(Unavailable, match="locked"):
        await waiting


async def test_many_who_wait_for_a_locked_file_wait_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[int] = []
    commit = Writer._commit

    def counted(self: Writer, group: list[Any], run: Any) -> Any:
        groups.append(len(group))
        return commit(self, group, run)

    monkeypatch.setattr(writer, "BUSY_TIMEOUT", 0.05)
    monkeypatch.setattr(Writer, "_commit", counted)
    async with Writer(path, set_up) as items:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        works = (items.submit(insert(n)) for n in range(9))
        failed = await asyncio.gather(*works, return_exceptions=True)
        other.close()
    assert {type(one) for one in failed} == {Unavailable}
    assert sum(groups) == len(failed)


async def test_leaving_finishes_what_was_submitted(path: Path) -> None:
    async with Writer(path, set_up) as items:
        futures = [items.submit(insert(n)) for n in range(100)]
    assert [await future for future in futures] == list(range(100))
    with pytest.raises(Unavailable):
        items.submit(insert(100))


async def test_the_thread_takes_over_when_commits_become_slow(path: Path) -> None:
    def whose(_: sqlite3.Connection) -> int:
        return threading.get_ident()

    async with Writer(path, set_up, inline_below=60.0) as items:
        assert await items.submit(whose) == threading.get_ident()
        items._commit_time = 60.0 * 100
        first = [items.submit(insert(n)) for n in range(10)]
        await first[0]
        then = [items.submit(insert(n)) for n in range(10, 20)]
        assert await asyncio.gather(*first, *then) == list(range(20))
        assert await items.submit(whose) != threading.get_ident()
        assert await items.read(numbers) == list(range(20))


async def test_leaving_finishes_what_was_gathered_on_the_loop(path: Path) -> None:
    async with Writer(path, set_up, inline_below=60.0) as items:
        futures = [items.submit(insert(n)) for n in range(100)]
    assert [await future for future in futures] == list(range(100))


async def test_the_write_ahead_log_starts_over_under_load(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.01)
    monkeypatch.setattr(checkpoint, "WORTH_IT", 1 << 18)
    monkeypatch.setattr(checkpoint, "OVERGROWN", 1 << 20)
    async with Writer(path, set_up) as items:
        for n in range(600):
            await items.submit(insert(n, size=30_000))
        assert path.with_name("items.db-wal").stat().st_size < 600 * 30_000 / 2


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells what a process holds")
async def test_a_file_that_was_checked_at_its_opening_is_not_held_in_memory(path: Path) -> None:
    async with Writer(path, set_up) as items:
        await asyncio.gather(*(items.submit(insert(n, size=1_000_000)) for n in range(24)))
    opening = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OPENING, str(path), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await opening.communicate()
    assert int(told) < 8 * 1024


async def test_a_newer_schema_is_refused(path: Path) -> None:
    async with Writer(path, set_up, version=3):
        pass
    with pytest.raises(SchemaTooNew, match="schema 3 and this program knows 2"):
        async with Writer(path, set_up, version=2):
            pass
    async with Writer(path, set_up, version=4):
        pass


def _overwrite_header(path: Path) -> None:
    path.write_bytes(b"this is not a database" * 1000)


def _overwrite_schema(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:4096] = os.urandom(3996)
    path.write_bytes(content)


def _overwrite_first_table(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:8192] = os.urandom(4096)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [_overwrite_header, _overwrite_schema])
async def test_a_damaged_file_is_refused(path: Path, damage: Callable[[Path], None]) -> None:
    async with Writer(path, set_up) as items:
        await items.submit(insert(1))
    damage(path)
    with pytest.raises(StorageCorrupt, match="recover-a-corrupt-database"):
        async with Writer(path, set_up):
            pass


async def test_damage_found_later_is_not_taken_for_absence(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(damage, "CHECKED_PAGES", 0)  # as for a file too large to read whole
    async with Writer(path, set_up) as items:
        for n in range(50):
            await items.submit(insert(n, size=1000))
    _overwrite_first_table(path)
    async with Writer(path, set_up) as items:
        with pytest.raises(StorageCorrupt):
            await items.read(numbers)
        with pytest.raises(StorageCorrupt):
            await items.submit(numbers)


async def test_a_folder_that_is_not_there_is_a_bad_setting(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="cannot open"):
        async with Writer(tmp_path / "missing" / "items.db", set_up):
            pass


def test_a_mistake_of_ours_is_not_dressed_up() -> None:
    mistake = sqlite3.OperationalError("no such table: itme")
    assert translate(mistake, Path("x.db")) is mistake


KILLED = """
import asyncio, sys
from pathlib import Path
import uvloop
from chat4all.adapters.sqlite.event_log import SqliteEventLog
from chat4all.ports.event_log import COMMANDS, Record

async def sender(log, name):
    for n in range(1_000_000):
        [at] = await log.append([Record(COMMANDS, name, f"{name}:{n}".encode())])
        sys.stdout.write(f"{at.offset} {name}:{n}\\n")
        sys.stdout.flush()

async def main():
    async with SqliteEventLog(Path(sys.argv[1])) as log:
        await asyncio.gather(*(sender(log, f"s{n}") for n in range(16)))

uvloop.run(main())
"""


async def test_all_that_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    lines = [await process.stdout.readline() for _ in range(2000)]
    process.kill()
    lines += [line async for line in process.stdout if line.endswith(b"\n")]
    await process.wait()
    acknowledged = dict(line.decode().split() for line in lines)
    assert len(acknowledged) >= 2000
    async with SqliteEventLog(path) as log:
        found = await log.read(COMMANDS, after=None, limit=10_000_000)
    assert [record.position.offset for record in found] == list(range(len(found)))
    kept = {str(record.position.offset): record.value.decode() for record in found}
    assert acknowledged.items() <= kept.items()


async def test_commits_survive_a_power_cut(items: Writer) -> None:
    # https://www.sqlite.org/pragma.html#pragma_synchronous
    full = 2
    assert await items.submit(lambda db: db.execute("PRAGMA synchronous").fetchone()) == (full,)
