"""Starting on a PostgreSQL: what is refused, and in which words; and several who start at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest
from sqlalchemy import Connection, Inspector, insert, inspect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.schema import CreateTable

from chat4all.adapters.sql import migrations, preparing
from chat4all.adapters.sql import server as module
from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.adapters.sql.server import Server
from chat4all.adapters.sql.tables import HEAD, keys, link_codes
from chat4all.domain.errors import (
    BadSettings,
    SchemaTooNew,
    StartRefused,
    StorageCorrupt,
    Unavailable,
)
from chat4all.testing.directory_examples import person
from tests.servers.postgres_server import (
    PASSWORD,
    USER,
    PostgresServer,
    execute,
    postgres_server,
)
from tests.servers.process import free_port

PATIENCE = 60.0
VERSION = "SELECT version_num FROM alembic_version"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
async def url(server: PostgresServer) -> str:
    return await server.new_database()


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    engine = Server(url).engine(patient=True)
    yield engine
    await engine.dispose()


async def start(url: str) -> None:
    async with SqlDirectory(url):
        pass


async def refusal(url: str, kind: type[StartRefused] = BadSettings) -> str:
    """Return the line with which a start ends; no piece of the password stands in it."""
    with pytest.raises(kind) as refused:
        await start(url)
    said = str(refused.value)
    assert said.startswith("CHAT4ALL_DIRECTORY_URL: ")
    assert "\n" not in said
    assert not [part for part in PASSWORD.replace("/", ":").split(":") if f"{part}@" in said]
    assert PASSWORD not in said
    assert quote(PASSWORD, safe="") not in said
    return said


async def test_a_wrong_password_is_told(server: PostgresServer) -> None:
    said = await refusal(server.url().replace("%2Fof", "%2Foff"))
    assert f"PostgreSQL at 127.0.0.1:{server.port} refuses the user name or password" in said


async def test_an_unknown_user_is_told(server: PostgresServer) -> None:
    assert "refuses the user" in await refusal(server.url().replace(USER, "somebody"))


async def test_a_database_that_is_not_there_is_told(server: PostgresServer) -> None:
    assert "has no such database; make it with" in await refusal(server.url("nowhere"))


async def test_an_unknown_host_is_told(server: PostgresServer) -> None:
    said = await refusal(server.url().replace("127.0.0.1", "no-such-host.invalid"))
    assert "there is no such host" in said


async def test_a_port_where_nobody_listens_is_told(server: PostgresServer) -> None:
    said = await refusal(server.url().replace(str(server.port), str(free_port())))
    assert "does not answer (ConnectionRefusedError); start it, or correct the address" in said


async def test_a_server_without_tls_is_told_where_tls_is_asked_for(server: PostgresServer) -> None:
    assert "is not reached by TLS" in await refusal(server.url(sslmode="require"))


async def test_a_certificate_that_is_not_there_is_told(server: PostgresServer) -> None:
    said = await refusal(server.url(sslmode="verify-full", sslrootcert="/no/such/ca.crt"))
    assert "a file that sslrootcert or sslcert names is not there" in said


async def test_of_several_hosts_one_that_answers_will_do(server: PostgresServer, url: str) -> None:
    await start(url.replace("127.0.0.1:", f"127.0.0.1:{free_port()},127.0.0.1:"))


async def test_what_others_see_of_a_connection_can_be_named(
    server: PostgresServer, url: str
) -> None:
    async with SqlDirectory(f"{url}?application_name=chat4all-test") as directory:
        await directory.users.by_username("ana")
        named = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'chat4all-test'"
        assert await execute(url, named) == [(True,)]


async def test_a_mode_that_there_is_not_is_told(server: PostgresServer) -> None:
    assert "sslmode" in await refusal(server.url(sslmode="perhaps"))


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"-ERR unknown\r\n", b""])
async def test_what_is_no_database_is_told(server: PostgresServer, answer: bytes) -> None:
    async with answering(answer) as port:
        said = await refusal(server.url().replace(str(server.port), str(port)))
    assert "is something else" in said or "does not answer" in said
    assert "correct" in said


async def test_a_server_that_says_nothing_is_told(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT_WAIT", 0.3)
    async with answering(None) as port:
        said = await refusal(server.url().replace(str(server.port), str(port)))
    assert "does not answer" in said


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[int]:
    """Answer whoever connects with these bytes, and close; None says nothing."""
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        if answer is None:
            await over.wait()
        else:
            writer.write(answer)
        writer.close()

    listener = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        over.set()
        listener.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://chat:no:secret/of@localhost/chat", "write / as %2F"),
        ("cockroachdb://chat:no:secret#of@localhost/chat", "# as %23"),
        ("postgresql://localhost:5432", "names no database; use postgresql://HOST:PORT/DATABASE"),
        ("postgresql://[localhost/x", "cannot be read"),
        ("postgresql://localhost:port/x", "cannot be read"),
    ],
)
async def test_an_address_that_cannot_be_read_is_told(url: str, words: str) -> None:
    said = await refusal(url)
    assert words in said
    assert "secret" not in said


async def test_a_newer_schema_is_refused_and_left_alone(url: str) -> None:
    await start(url)
    await execute(url, "UPDATE alembic_version SET version_num = '9999'")
    said = await refusal(url, SchemaTooNew)
    assert "revision 9999" in said
    assert "start that version" in said
    assert await execute(url, VERSION) == [("9999",)]


async def test_tables_of_others_are_refused_and_left_alone(url: str) -> None:
    await execute(url, "CREATE TABLE users (name TEXT)")
    assert "holds tables that are not ours; use one of its own" in await refusal(url)
    assert await execute(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [
        (1,)
    ]


async def test_a_user_who_may_not_make_tables_is_told_so_and_may_use_those_there_are(
    server: PostgresServer, url: str
) -> None:
    user = f"app_{url.rsplit('_', 1)[1]}"
    await execute(url, f"CREATE USER {user} PASSWORD 'a-secret'")
    mine = url.replace(USER, user).replace(quote(PASSWORD, safe=""), "a-secret")
    assert "may not make tables: see docs/howto" in await refusal(mine)
    await start(url)
    rights = "SELECT, INSERT, UPDATE, DELETE"
    await execute(url, f"GRANT {rights} ON ALL TABLES IN SCHEMA public TO {user}")
    async with SqlDirectory(mine) as directory:
        await directory.users.add(person("ana"))


async def test_several_may_start_on_one_empty_database(url: str) -> None:
    await asyncio.gather(*(start(url) for _ in range(4)))
    assert await execute(url, VERSION) == [(HEAD,)]


async def test_a_start_waits_for_another_that_changes_the_tables(url: str) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    other = await asyncpg.connect(url)
    await other.execute(f"SELECT pg_advisory_lock({preparing.LOCK})")
    starting = asyncio.create_task(start(url))
    async with asyncio.timeout(PATIENCE):
        while not await other.fetchval(waiting):
            assert not starting.done()
            await asyncio.sleep(0.02)
    assert not starting.done()
    await other.close()
    await starting


async def test_several_may_start_where_each_step_is_kept_by_itself(url: str) -> None:
    engines = [Server(url).engine(patient=True) for _ in range(4)]
    await asyncio.gather(*(preparing.by_claim(engine) for engine in engines))
    for engine in engines:
        await engine.dispose()
    assert await execute(url, VERSION) == [(HEAD,)]
    assert await execute(url, "SELECT * FROM global_keys") == []


async def test_what_a_process_left_unfinished_is_finished_by_the_next(
    url: str, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks_off(connection: Connection, *, unfinished: bool) -> None:
        connection.execute(CreateTable(link_codes))
        raise Unavailable("the connection broke")

    with monkeypatch.context() as patched:
        patched.setattr(preparing, "complete", breaks_off)
        with pytest.raises(Unavailable):
            await preparing.by_claim(engine)
    await preparing.by_claim(engine)
    assert await execute(url, VERSION) == [(HEAD,)]
    await start(url)


async def test_whoever_waits_too_long_for_another_says_so(
    url: str, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await preparing.by_claim(engine)
    until = preparing._in(preparing.CLAIMED_FOR)
    async with engine.begin() as connection:
        await connection.execute(insert(keys).values(name=preparing.CLAIM, value=until))
    monkeypatch.setattr(preparing, "PATIENCE", 0.1)
    with pytest.raises(Unavailable, match="another process is changing the tables"):
        await preparing.by_claim(engine)
    page = Path(__file__).parents[3] / "docs" / "howto" / "operate" / "run-on-cockroachdb.md"
    [ends_it] = re.findall(r"^UPDATE global_keys .*$", page.read_text(), re.MULTILINE)
    await execute(url, ends_it)
    monkeypatch.setattr(preparing, "PATIENCE", PATIENCE)
    await preparing.by_claim(engine)
    assert await execute(url, "SELECT * FROM global_keys") == []


async def test_tables_of_others_are_refused_step_by_step_too(url: str, engine: AsyncEngine) -> None:
    await execute(url, "CREATE TABLE users (name TEXT)")
    for _ in range(2):  # what the first left does not mislead the second
        with pytest.raises(StorageCorrupt):
            await preparing.by_claim(engine)


async def test_the_revisions_make_the_same_tables(server: PostgresServer, url: str) -> None:
    other = await server.new_database()
    await start(url)
    engine = Server(other).engine(patient=True)
    async with engine.begin() as connection:
        await connection.run_sync(migrations.upgrade)
    await engine.dispose()
    assert await tables(other) == await tables(url)


async def tables(url: str) -> dict[str, Any]:
    engine = Server(url).engine(patient=True)
    async with engine.connect() as connection:
        found = await connection.run_sync(lambda one: _facts(inspect(one)))
    await engine.dispose()
    return found


def _facts(inspector: Inspector) -> dict[str, Any]:
    def facts(table: str) -> list[Any]:
        columns = [{**one, "type": str(one["type"])} for one in inspector.get_columns(table)]
        return [
            columns,
            inspector.get_pk_constraint(table),
            sorted(inspector.get_indexes(table), key=lambda one: str(one["name"])),
            sorted(inspector.get_foreign_keys(table), key=lambda one: str(one["name"])),
        ]

    return {table: facts(table) for table in inspector.get_table_names()}
