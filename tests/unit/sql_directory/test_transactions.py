"""Transactions: retried, undone, translated; and quick with many conversations."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from chat4all.adapters.sql import database as module
from chat4all.adapters.sql.database import Database
from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.adapters.sql.transactions import InThreads, Statements
from chat4all.domain.directory import User
from chat4all.domain.errors import Conflict, InvalidInput, StorageFull, Unavailable
from chat4all.testing.directory_examples import add_people, group, person


class FromPostgres(Exception):
    """An error as asyncpg raises it."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(f"error {sqlstate}")
        self.sqlstate = sqlstate


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[SqlDirectory]:
    async with SqlDirectory(f"sqlite:///{tmp_path / 'directory.db'}") as opened:
        yield opened


@pytest.fixture
async def database(directory: SqlDirectory) -> Database:
    return directory._database


async def test_a_transaction_that_lost_a_race_is_run_again(database: Database) -> None:
    tries = 0

    async def work(connection: Statements) -> str:
        nonlocal tries
        tries += 1
        await connection.execute(text("INSERT INTO global_keys VALUES ('name', 'value')"))
        if tries < 3:
            raise DBAPIError("INSERT", None, FromPostgres("40001"))
        return "done"

    assert await database.write(work) == "done"
    assert tries == 3


async def test_it_is_not_run_for_ever(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ATTEMPTS", 3)
    tries = 0

    async def work(connection: Statements) -> None:
        nonlocal tries
        tries += 1
        raise DBAPIError("INSERT", None, FromPostgres("40001"))

    with pytest.raises(Unavailable):
        await database.write(work)
    assert tries == 3


async def test_the_loser_of_a_unique_value_looks_once_more(database: Database) -> None:
    tries = 0

    async def work(connection: Statements) -> None:
        nonlocal tries
        tries += 1
        raise IntegrityError("INSERT", None, FromPostgres("23505"))

    with pytest.raises(Conflict):
        await database.write(work)
    assert tries == 2


async def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    async def work(connection: Statements) -> None:
        await connection.execute(text("INSERT INTO global_keys VALUES ('name', 'value')"))
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(work)

    async def count(connection: Statements) -> int:
        rows = (await connection.execute(text("SELECT * FROM global_keys"))).all()
        return len(rows)

    assert await database.read(count) == 0


async def test_a_transaction_is_one_visit_to_a_thread(database: Database) -> None:
    seen: list[int] = []

    async def work(connection: Statements) -> None:
        for _ in range(3):
            await connection.execute(text("SELECT 1"))
            seen.append(threading.get_ident())

    await database.read(work)
    assert len(set(seen)) == 1
    assert threading.get_ident() not in seen


async def test_a_transaction_that_waits_for_something_else_is_refused_and_leaves_nothing(
    database: Database,
) -> None:
    async def work(connection: Statements) -> None:
        await connection.execute(text("INSERT INTO global_keys VALUES ('name', 'value')"))
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waits for something other than its statements"):
        await database.write(work)

    async def count(connection: Statements) -> int:
        return len((await connection.execute(text("SELECT * FROM global_keys"))).all())

    assert await database.read(count) == 0


async def test_a_caller_who_gives_up_leaves_the_connection_usable(
    directory: SqlDirectory,
) -> None:
    people = [person(f"user{number}") for number in range(40)]

    async def add(user: User) -> None:
        await directory.users.add(user)

    tasks = [asyncio.create_task(add(user)) for user in people]
    for turns, task in enumerate(tasks):
        for _ in range(turns % 7):
            await asyncio.sleep(0)
        if turns % 2:
            task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    kept = await directory.users.get_many([user.id for user in people])
    for user, result in zip(people, results, strict=True):
        assert result is not None or user.id in kept
    await directory.users.add(person("after"))


async def test_a_full_disk_is_told_as_such(directory: SqlDirectory, database: Database) -> None:
    async def limit(connection: Statements) -> None:
        await connection.execute(text("PRAGMA max_page_count = 1"))

    await database.write(limit)
    with pytest.raises(StorageFull):
        await directory.users.add(person("big", display_name="x" * 1_000_000))
    assert await directory.users.search("", limit=10) == []


async def test_a_file_that_another_process_locks_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_WAIT", 0.05)
    path = tmp_path / "directory.db"
    async with SqlDirectory(f"sqlite:///{path}") as directory:
        await directory.users.add(person("before"))
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await directory.users.add(person("during"))
        assert await directory.users.by_username("before") is not None
        other.rollback()
        other.close()
        await directory.users.add(person("during"))


async def test_half_a_surrogate_pair_is_refused(directory: SqlDirectory) -> None:
    with pytest.raises(InvalidInput):
        await directory.users.add(person("ana", display_name="\ud83e"))
    await directory.users.add(person("ana"))


async def test_commits_survive_a_power_cut(database: Database) -> None:
    async def settings(connection: Statements) -> list[object]:
        return [
            (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    assert await database.write(settings) == ["wal", 2, 1]
    assert await database.read(settings) == ["wal", 2, 1]


async def test_a_list_takes_the_same_few_statements_however_long_it_is(
    directory: SqlDirectory, database: Database
) -> None:
    ana, bia = await add_people(directory, "ana", "bia")
    for _ in range(60):
        await directory.conversations.create(group(ana, bia))
    statements: list[str] = []
    assert isinstance(database._reader, InThreads)

    @event.listens_for(database._reader.engine, "before_cursor_execute")
    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        statements.append(statement)

    assert len(await directory.conversations.of_user(ana, limit=50)) == 50
    assert len([one for one in statements if one.startswith("SELECT")]) == 3
