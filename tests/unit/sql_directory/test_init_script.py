"""The script that makes the database: it runs on PostgreSQL, and its names are the program's."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.adapters.sql.tables import metadata, versions
from chat4all.domain.errors import BadSettings
from chat4all.testing.directory_examples import person
from tests.servers.postgres_server import PostgresServer, execute, postgres_server, programs

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "ops" / "database-init" / "01-cockroach-init.sql"
PAGE = ROOT / "docs" / "howto" / "operate" / "run-on-cockroachdb.md"
PASSWORDS = {"chat4all_owner": "replace-this", "chat4all_app": "replace-this-too"}


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        psql = [str(programs() / "psql"), server.url(), "-q", "-v", "ON_ERROR_STOP=1"]
        done = subprocess.run([*psql, "-f", str(SCRIPT)], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        yield server


async def test_the_program_runs_with_the_rights_that_it_gives_and_no_more(
    server: PostgresServer,
) -> None:
    owner, app = (
        f"postgresql://{user}:{PASSWORDS[user]}@127.0.0.1:{server.port}/chat4all"
        for user in ("chat4all_owner", "chat4all_app")
    )
    with pytest.raises(BadSettings, match="may not make tables"):
        async with SqlDirectory(app):
            pass
    async with SqlDirectory(owner):
        pass
    async with SqlDirectory(app) as directory:
        await directory.users.add(person("ana"))
        assert await directory.keys.get_or_set("name", "value") == "value"
    for statement in ("DROP TABLE users", "CREATE TABLE mine (id TEXT)", "TRUNCATE users"):
        with pytest.raises(Exception, match=r"permission denied|must be owner"):
            await execute(app, statement)


async def test_nobody_else_may_connect(server: PostgresServer) -> None:
    await execute(server.url(), "CREATE USER stranger PASSWORD 'some'")
    with pytest.raises(BadSettings, match="permission denied"):
        async with SqlDirectory(f"postgresql://stranger:some@127.0.0.1:{server.port}/chat4all"):
            pass


def test_it_names_the_tables_there_are() -> None:
    said = " ".join(re.findall(r"^-- (.*)", SCRIPT.read_text(), re.MULTILINE))
    named = re.search(r"write its rows: (.*?)\.", said)
    assert named is not None
    words = re.sub(r"\([^)]*\)", "", named[1]).replace(" and ", ", ")
    assert {one.strip() for one in words.split(",")} == {*metadata.tables, versions.name}


def test_the_page_names_its_users() -> None:
    for user in PASSWORDS:
        assert f"`{user}`" in PAGE.read_text()
        assert f"CREATE USER {user}" in SCRIPT.read_text()
