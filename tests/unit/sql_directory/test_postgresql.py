"""The directory on a real PostgreSQL, at SERIALIZABLE, as CockroachDB always is."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import ExceptionContext

from chat4all.adapters.sql import server as module
from chat4all.adapters.sql.database import Database
from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.adapters.sql.errors import sqlstate
from chat4all.adapters.sql.transactions import OnServer, Statements
from chat4all.domain.errors import ConversationNotFound, InvalidInput, Unavailable
from chat4all.testing.directory_examples import add_people, group, joining, person
from tests.servers.postgres_server import PostgresServer, execute, postgres_server

PATIENCE = 60.0


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server("deadlock_timeout=50ms") as server:
        yield server


@pytest.fixture
async def directory(server: PostgresServer) -> AsyncIterator[SqlDirectory]:
    async with SqlDirectory(await server.new_database()) as opened:
        yield opened


@pytest.fixture
def database(directory: SqlDirectory) -> Database:
    return directory._database


@pytest.fixture
def refusals(database: Database) -> list[str | None]:
    """The SQLSTATE of everything that the server refuses."""
    found: list[str | None] = []
    assert isinstance(database._writer, OnServer)

    @event.listens_for(database._writer.engine.sync_engine, "handle_error")
    def note(context: ExceptionContext) -> None:
        if context.sqlalchemy_exception is not None:
            found.append(sqlstate(context.sqlalchemy_exception))

    return found


async def test_of_two_transactions_that_saw_the_same_the_loser_runs_again(
    database: Database, refusals: list[str | None]
) -> None:
    both = asyncio.Barrier(2)
    tries: Counter[str] = Counter()

    async def add(name: str) -> int:
        async def work(connection: Statements) -> int:
            tries[name] += 1
            rows = (await connection.execute(text("SELECT count(*) FROM global_keys"))).scalar_one()
            if tries[name] == 1:
                await asyncio.wait_for(both.wait(), PATIENCE)
            statement = text("INSERT INTO global_keys VALUES (:name, 'x')")
            await connection.execute(statement, {"name": name})
            return int(rows)

        return await database.write(work)

    assert sorted(await asyncio.gather(add("one"), add("other"))) == [0, 1]
    assert refusals == ["40001"]
    assert sum(tries.values()) == 3


async def test_of_two_transactions_that_wait_for_each_other_the_loser_runs_again(
    database: Database, refusals: list[str | None]
) -> None:
    both = asyncio.Barrier(2)
    tries: Counter[str] = Counter()

    async def fill(connection: Statements) -> None:
        await connection.execute(text("INSERT INTO global_keys VALUES ('a', '0'), ('b', '0')"))

    async def add(first: str, second: str) -> None:
        async def work(connection: Statements) -> None:
            tries[first] += 1
            statement = text("UPDATE global_keys SET value = value || 'x' WHERE name = :name")
            await connection.execute(statement, {"name": first})
            if tries[first] == 1:
                await asyncio.wait_for(both.wait(), PATIENCE)
            await connection.execute(statement, {"name": second})

        await database.write(work)

    await database.write(fill)
    await asyncio.gather(add("a", "b"), add("b", "a"))
    assert "40P01" in refusals

    async def values(connection: Statements) -> list[str]:
        return list((await connection.execute(text("SELECT value FROM global_keys"))).scalars())

    assert await database.read(values) == ["0xx", "0xx"]


async def test_who_joins_what_is_deleted_just_then_is_told_that_it_is_gone(
    directory: SqlDirectory,
) -> None:
    ana, *people = await add_people(directory, "ana", *(f"user{n}" for n in range(6)))
    for _ in range(5):
        made = await directory.conversations.create(group(ana))
        joined = [directory.members.add(made.id, joining(one)) for one in people]
        results = await asyncio.gather(
            *joined, directory.conversations.delete(made.id), return_exceptions=True
        )
        errors = [one for one in results if isinstance(one, BaseException)]
        assert {type(error) for error in errors} <= {ConversationNotFound}
        assert await directory.conversations.get(made.id) is None


async def test_a_lost_server_is_unavailable_and_nothing_need_be_started_anew(
    directory: SqlDirectory, server: PostgresServer
) -> None:
    await directory.users.add(person("before"))
    await asyncio.gather(*(directory.users.by_username("before") for _ in range(20)))
    await server.stopped()
    try:
        with pytest.raises(Unavailable) as refused:
            await directory.users.by_username("before")
        assert "127.0.0.1" not in str(refused.value)
        with pytest.raises(Unavailable):
            await directory.users.add(person("during"))
    finally:
        await server.started()
    found = await asyncio.gather(*(directory.users.by_username("before") for _ in range(20)))
    assert all(found)
    await directory.users.add(person("after"))


async def test_a_server_that_was_started_anew_meanwhile_is_not_noticed(
    directory: SqlDirectory, server: PostgresServer
) -> None:
    await asyncio.gather(*(directory.users.by_username("before") for _ in range(20)))
    await server.stopped()
    await server.started()
    await asyncio.gather(*(directory.users.add(person(f"user{n}")) for n in range(20)))


async def test_a_server_that_does_not_answer_is_not_waited_for_for_ever(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await server.new_database()
    async with SqlDirectory(url) as directory:
        monkeypatch.setattr(module, "ANSWER_WAIT", 2.0)
        holder = await asyncpg.connect(url)
        await holder.execute("BEGIN; LOCK TABLE users")
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(Unavailable):
                await directory.users.by_username("ana")
        await holder.close()
        await directory.users.add(person("ana"))


@pytest.mark.parametrize("name", ["Ana\0", "\ud83e"])
async def test_a_text_that_cannot_be_kept_is_refused(directory: SqlDirectory, name: str) -> None:
    with pytest.raises(InvalidInput):
        await directory.users.add(person("ana", display_name=name))
    with pytest.raises(InvalidInput):
        await directory.users.by_username(name)
    await directory.users.add(person("ana"))


async def test_what_was_prepared_before_the_tables_changed_is_prepared_anew(
    server: PostgresServer,
) -> None:
    url = await server.new_database()
    async with SqlDirectory(url) as directory:
        await directory.users.add(person("ana"))
        await directory.users.by_username("ana")
        await execute(url, "ALTER TABLE users ALTER email TYPE varchar(500)")
        assert await directory.users.by_username("ana") is not None


async def test_a_reader_cannot_write(database: Database) -> None:
    async def work(connection: Statements) -> None:
        await connection.execute(text("INSERT INTO global_keys VALUES ('name', 'value')"))

    with pytest.raises(Unavailable):
        await database.read(work)
    await database.write(work)
