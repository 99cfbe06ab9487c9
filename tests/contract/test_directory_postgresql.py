"""The directory on PostgreSQL, and on CockroachDB where there is one: they speak one protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import delete

from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.adapters.sql.tables import metadata
from chat4all.ports.directory import Directory
from chat4all.testing.directory import SMALL_GROUP, DirectoryContract
from tests.servers.cockroach_server import cockroach_server
from tests.servers.postgres_server import PostgresServer, execute, postgres_server


class _Server(DirectoryContract):
    """Binds the suite to a database that is emptied for each test: quicker than a new one."""

    @pytest.fixture
    async def url(self, made: str) -> str:
        tables = reversed(metadata.sorted_tables)
        await execute(made, *(str(delete(table)) for table in tables))
        return made

    @pytest.fixture
    async def directory(self, url: str) -> AsyncIterator[Directory]:
        async with SqlDirectory(url, max_members=SMALL_GROUP) as opened:
            yield opened

    @pytest.fixture
    async def peer(self, url: str, directory: Directory) -> AsyncIterator[Directory]:
        async with SqlDirectory(url, max_members=SMALL_GROUP) as opened:
            yield opened


class TestPostgres(_Server):
    @pytest.fixture
    def made(self, postgres: str) -> str:
        return postgres


class TestPostgresAsIfCockroach(_Server):
    """CockroachDB's dialect, and its way of making the tables, on PostgreSQL."""

    @pytest.fixture
    def made(self, as_if_cockroach: str) -> str:
        return as_if_cockroach


class TestCockroach(_Server):
    @pytest.fixture
    def made(self, cockroach: str) -> str:
        return cockroach


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module")
def postgres(server: PostgresServer) -> str:
    return asyncio.run(_made(asyncio.run(server.new_database())))


@pytest.fixture(scope="module")
def as_if_cockroach(server: PostgresServer) -> str:
    url = asyncio.run(server.new_database())
    return asyncio.run(_made(url.replace("postgresql:", "cockroachdb:", 1)))


@pytest.fixture(scope="module")
def cockroach(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with cockroach_server(tmp_path_factory.mktemp("cockroach")) as url:
        yield asyncio.run(_made(url))


async def _made(url: str) -> str:
    async with SqlDirectory(url):
        return url
