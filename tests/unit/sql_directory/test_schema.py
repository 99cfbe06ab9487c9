"""The tables: made at once or step by step they are the same, and strangers are refused."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from chat4all.adapters.sql import migrations
from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.adapters.sql.tables import HEAD
from chat4all.domain.errors import BadSettings, SchemaTooNew, StorageCorrupt
from chat4all.testing.directory_examples import add_people, person

BEFORE_NUMBERS = "0007"


async def start(path: Path) -> None:
    async with SqlDirectory(f"sqlite:///{path}"):
        pass


def rows(path: Path, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        with connection:
            return connection.execute(statement).fetchall()
    finally:
        connection.close()


def schema(path: Path) -> dict[str, object]:
    """Return what SQLite says of each table's columns, keys and indexes."""
    found: dict[str, object] = {}
    for name, text in rows(path, "SELECT name, sql FROM sqlite_master"):
        pragmas = ("table_info", "foreign_key_list", "index_info")
        facts = [rows(path, f"PRAGMA {pragma}('{name}')") for pragma in pragmas]
        found[str(name)] = (facts, sorted(_lines(text)))
    return found


def _lines(text: object) -> list[str]:
    # A table that was copied has its name in quotes; a column that was added stands in the line
    # of the one before it.
    lines = re.split(r",?\s*\n|, (?![^(]*\))", str(text).replace('"', ""))
    return [line.strip() for line in lines]


def run_migrations(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        migrations.upgrade(connection)
    engine.dispose()


async def test_a_new_database_equals_one_that_went_through_every_revision(tmp_path: Path) -> None:
    await start(tmp_path / "new.db")
    run_migrations(tmp_path / "migrated.db")
    assert schema(tmp_path / "migrated.db") == schema(tmp_path / "new.db")
    versions = "SELECT version_num FROM alembic_version"
    assert rows(tmp_path / "new.db", versions) == rows(tmp_path / "migrated.db", versions)


def test_head_is_the_newest_revision() -> None:
    script = ScriptDirectory.from_config(migrations.config())
    assert script.get_heads() == [HEAD]


async def test_a_database_that_no_revision_has_reached_gets_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "directory.db"
    rows(path, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    await start(path)
    assert rows(path, "SELECT version_num FROM alembic_version") == [(HEAD,)]


async def test_what_was_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'directory.db'}"
    user = person("ana")
    async with SqlDirectory(url) as directory:
        await directory.users.add(user)
    async with SqlDirectory(url) as directory:
        assert await directory.users.by_username("ana") == (user, None)


async def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "directory.db"
    await start(path)
    rows(path, "UPDATE alembic_version SET version_num = '9999'")
    before = schema(path)
    with pytest.raises(SchemaTooNew, match="9999"):
        await start(path)
    assert schema(path) == before


async def test_tables_that_say_no_revision_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "directory.db"
    rows(path, "CREATE TABLE users (id TEXT)")
    with pytest.raises(StorageCorrupt):
        await start(path)


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "directory.db"
    path.write_bytes(b"Dear diary, today I am not a database." * 200)
    with pytest.raises(StorageCorrupt, match="recover-a-corrupt-database"):
        await start(path)


async def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "directory.db"
    async with SqlDirectory(f"sqlite:///{path}") as directory:
        await add_people(directory, *(f"user{number}" for number in range(50)))
    content = bytearray(path.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(content)
    with pytest.raises(StorageCorrupt):
        await start(path)


async def test_a_truncated_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "directory.db"
    await start(path)
    path.write_bytes(path.read_bytes()[:-8192])
    with pytest.raises(StorageCorrupt):
        await start(path)


async def test_a_folder_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="make its folder"):
        await start(tmp_path / "missing" / "directory.db")


@pytest.mark.parametrize("url", ["mysql://localhost/x", "sqlite://", "sqlite:///:memory:", "::"])
async def test_a_url_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(BadSettings):
        async with SqlDirectory(url):
            pass


async def test_two_may_start_on_one_new_file(tmp_path: Path) -> None:
    await asyncio.gather(*(start(tmp_path / "directory.db") for _ in range(3)))


async def test_an_ordinary_start_does_without_alembic(tmp_path: Path) -> None:
    path = tmp_path / "directory.db"
    await start(path)
    program = f"""
import asyncio, sys
from chat4all.adapters.sql.directory import SqlDirectory
async def start():
    async with SqlDirectory("sqlite:///{path}"):
        pass
asyncio.run(start())
assert "alembic" not in sys.modules
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stderr=subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()


def test_a_revision_can_run_within_a_caller_s_transaction(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'directory.db'}")

    def stored(connection: Connection) -> object:
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()

    with engine.begin() as connection:
        migrations.upgrade(connection)
        assert stored(connection) == HEAD
    with engine.begin() as connection:
        migrations.upgrade(connection, HEAD)
        assert stored(connection) == HEAD
    engine.dispose()


async def test_numbers_of_whatsapp_lose_their_plus_where_no_twin_has_it(tmp_path: Path) -> None:
    path = tmp_path / "directory.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.upgrade(migrations.config(connection), BEFORE_NUMBERS)
    engine.dispose()
    rows(
        path,
        "INSERT INTO users (id, kind, display_name, admin, search_key, removed, created_at) "
        "VALUES ('u', 'contact', 'Bia', 0, '', 0, '2031-01-01')",
    )
    kept = [("whatsapp", "", "+551"), ("whatsapp", "shop", "+552"), ("whatsapp", "shop", "552")]
    kept += [("whatsapp", "", "+552"), ("telegram", "", "+553"), ("whatsapp", "", "BR.1")]
    kept_in = sqlite3.connect(path)
    with kept_in:
        for number, one in enumerate(kept):
            kept_in.execute(
                "INSERT INTO user_channels (id, user_id, platform, account_id, external_id, "
                "linked_at) VALUES (?, 'u', ?, ?, ?, '2031-01-01')",
                (str(number), *one),
            )
        for address in ("+551", "+552", "552"):
            values = ("whatsapp", "shop", address, address)
            kept_in.execute("INSERT INTO chat_routes VALUES (?, ?, ?, ?)", values)
    kept_in.close()
    await start(path)
    found = rows(path, "SELECT external_id FROM user_channels ORDER BY id")
    assert [one for (one,) in found] == ["551", "+552", "552", "552", "+553", "BR.1"]
    routes = rows(path, "SELECT address, conversation_id FROM chat_routes ORDER BY address")
    assert routes == [("+552", "+552"), ("551", "+551"), ("552", "552")]
