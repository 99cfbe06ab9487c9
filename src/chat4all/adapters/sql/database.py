"""Connections and transactions: the one place that knows how the engines differ."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Column, Connection, Row, Select, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from chat4all.adapters.sql.errors import CORRUPT, LOST_RACE, STALE_VIEW, sqlstate, translated
from chat4all.adapters.sql.transactions import InThreads, OnServer, Statements, Transactions, Work
from chat4all.domain.errors import BadSettings, StorageCorrupt, Unavailable

if TYPE_CHECKING:
    from chat4all.adapters.sql.server import Server

T = TypeVar("T")

SERVERS = ("postgresql", "cockroachdb")
READERS = 3
"""Reading connections to SQLite, each with a thread of its own."""
CHECKED_PAGES = 8_192
"""Pages (32 MiB) up to which an SQLite file is checked at each start: about 0.1 s."""
LOCK_WAIT = 5.0
"""Seconds to wait for another process that writes to the same SQLite file."""
STARTS = 5
"""Further tries of the first connection to a file that others are making at the same time."""
ATTEMPTS = 8
"""How often a transaction is tried when others keep being first: about 3 s in all."""
IN_LIST = 500
"""Values of one IN list; SQLite takes 32,766 parameters, older ones 999."""


class Database:
    """One database. SQLite has one writing connection, and readers that never wait for it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._reader: Transactions | None = None
        self._writer: Transactions | None = None
        self.server: Server | None = None

    def open(self) -> None:
        """Make the engines; connections come with the first use.

        Raises `BadSettings` for a URL that names no database we know.
        """
        if self._url.partition("://")[0] in SERVERS:
            # Only now: its driver is of an extra.
            from chat4all.adapters.sql.server import Server  # noqa: PLC0415

            self.server = Server(self._url)
            engine = self.server.engine()
            self._writer = OnServer(engine)
            self._reader = OnServer(engine.execution_options(postgresql_readonly=True))
            return
        try:
            url = make_url(self._url)
        except ArgumentError as error:
            raise BadSettings("the directory's URL cannot be read") from error
        if url.get_backend_name() != "sqlite":
            known = ", ".join(f"{name}://" for name in ("sqlite", *SERVERS))
            raise BadSettings(f"the directory's URL must begin with one of {known}")
        _require_file(url.database)
        self._writer = _sqlite(url, connections=1, begin="BEGIN IMMEDIATE")
        self._reader = _sqlite(url, connections=READERS, begin="BEGIN")

    async def check(self) -> None:
        """Connect to a server, or read a whole SQLite file of ordinary size.

        Raises `BadSettings` when the server is not to be had, `StorageCorrupt` for a damaged file.
        """
        if self.server is not None:
            return await self.server.check()

        async def work(connection: Statements) -> None:
            pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
            if pages <= CHECKED_PAGES:
                found = (await connection.exec_driver_sql("PRAGMA quick_check(1)")).scalar_one()
                if found != "ok":
                    raise StorageCorrupt(CORRUPT)

        for _ in range(STARTS):
            try:
                return await self.write(work)
            except Unavailable:
                # SQLite does not wait for its lock when the file first turns to WAL.
                await asyncio.sleep(0.05)
        return await self.write(work)

    async def close(self) -> None:
        """Close every connection."""
        for transactions in (self._reader, self._writer):
            if transactions is not None:
                await transactions.close()
        self._reader = self._writer = None

    async def read(self, work: Work[T]) -> T:
        """Run `work` on one consistent view."""
        return await _run(self._reader, work)

    async def write(self, work: Work[T]) -> T:
        """Run `work` as if alone, and keep what it did; nothing of it when it raises."""
        return await _run(self._writer, work)


async def rows_in(
    connection: Statements,
    query: Select[Any],
    column: Column[Any],
    values: Collection[str],
) -> list[Row[Any]]:
    """Return the rows of `query` whose `column` is one of `values`, however many."""
    rows: list[Row[Any]] = []
    wanted = list(dict.fromkeys(values))
    for start in range(0, len(wanted), IN_LIST):
        part = query.where(column.in_(wanted[start : start + IN_LIST]))
        rows += (await connection.execute(part)).all()
    return rows


async def _run(transactions: Transactions | None, work: Work[T]) -> T:
    if transactions is None:
        raise RuntimeError("the directory is not open: use `async with`")
    with translated():
        for attempt in range(ATTEMPTS - 1):
            try:
                return await transactions.run(work)
            except DBAPIError as error:
                if not _worth_another_try(error, attempt):
                    raise
            await asyncio.sleep(random.uniform(0.5, 1.0) * 0.025 * 2**attempt)  # noqa: S311 - jitter
        return await transactions.run(work)


def _worth_another_try(error: DBAPIError, attempt: int) -> bool:
    state = sqlstate(error)
    return state in LOST_RACE or (state in STALE_VIEW and attempt == 0)


def _require_file(path: str | None) -> None:
    if path in (None, "", ":memory:"):
        raise BadSettings("an SQLite directory needs a file: sqlite:///<path>")
    file = Path(path)
    if not os.access(file if file.exists() else file.parent, os.R_OK | os.W_OK):
        raise BadSettings(f"the directory's file {file} cannot be written; make its folder first")


def _sqlite(url: URL, *, connections: int, begin: str) -> InThreads:
    engine = create_engine(
        url.set(drivername="sqlite"),
        hide_parameters=True,  # they are tokens, names and numbers, and errors get logged
        # isolation_level None: the driver begins no transaction behind our back.
        connect_args={"timeout": LOCK_WAIT, "isolation_level": None},
        pool_size=connections,
        max_overflow=0,
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        # https://www.sqlite.org/pragma.html; FULL: what was answered survives a power cut.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def do_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return InThreads(engine, connections)
