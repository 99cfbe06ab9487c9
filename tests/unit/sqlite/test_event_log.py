from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import msgspec
import pytest

from chat4all.adapters.sqlite.event_log import SqliteEventLog
from chat4all.domain.errors import StorageFull, Unavailable
from chat4all.ports.event_log import COMMANDS, EVENTS, Record


def limit_pages(count: int) -> str:
    return f"PRAGMA max_page_count = {count}"


@pytest.mark.parametrize("shared", [False, True], ids=["on the loop", "in a thread"])
async def test_what_a_full_disk_refused_leaves_no_gap(tmp_path: Path, shared: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    async with SqliteEventLog(tmp_path / "log.db", shared=shared) as log:
        await log.append([Record(COMMANDS, "k", b"0")])
        await log._writer.submit(lambda db: db.execute(limit_pages(30)).fetchone())
        refused = await asyncio.gather(
            *(log.append([Record(EVENTS, "k", b"x" * 100_000)]) for _ in range(5)),
            return_exceptions=True,
        )
        assert {type(answer) for answer in refused} == {StorageFull}
        await log._writer.submit(lambda db: db.execute(limit_pages(1 << 20)).fetchone())
        [command, event] = await log.append(
            [Record(COMMANDS, "k", b"1"), Record(EVENTS, "k", b"0")]
        )
        assert (command.offset, event.offset) == (1, 0)
        assert [r.value for r in await log.read(COMMANDS, after=None, limit=9)] == [b"0", b"1"]
        assert [r.value for r in await log.read(EVENTS, after=None, limit=9)] == [b"0"]


async def test_calls_that_wait_together_share_a_row(tmp_path: Path) -> None:
    def rows(db: sqlite3.Connection) -> int:
        return int(db.execute("SELECT count(*) FROM block").fetchone()[0])

    async with SqliteEventLog(tmp_path / "log.db") as log:
        await asyncio.gather(*(log.append([Record(COMMANDS, "k", b"x")]) for _ in range(200)))
        assert await log._writer.read(rows) <= 5


async def test_a_closed_log_is_unavailable(tmp_path: Path) -> None:
    async with SqliteEventLog(tmp_path / "log.db") as log:
        pass
    for _ in range(2):
        with pytest.raises(Unavailable, match="closed"):
            await log.append([Record(COMMANDS, "k", b"x")])


async def test_a_log_of_the_version_before_traces_is_read_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with SqliteEventLog(path) as log:
        await log.append([Record("s", "k", b"old")])
    db = sqlite3.connect(path)
    [body] = db.execute("SELECT body FROM block").fetchone()
    assert msgspec.msgpack.decode(body) == [["k", b"old"]]  # as version 1 wrote it
    db.execute("PRAGMA user_version = 1")
    db.close()
    async with SqliteEventLog(path) as log:
        await log.append([Record("s", "k", b"new", "somewhere")])
        records = await log.read("s", after=None, limit=10)
    assert [(one.value, one.trace) for one in records] == [(b"old", ""), (b"new", "somewhere")]
