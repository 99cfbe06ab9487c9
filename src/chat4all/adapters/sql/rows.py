"""The directory as plain rows, to be copied to another database exactly as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, Table, func, literal, select, tuple_
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError

from chat4all.adapters.sql.database import IN_LIST, Database
from chat4all.adapters.sql.preparing import CLAIM
from chat4all.adapters.sql.tables import keys, metadata
from chat4all.adapters.sql.transactions import Statements
from chat4all.domain.errors import Conflict
from chat4all.ports.moving import Key, Row

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


class SqlRows:
    """`Tables` in SQL. The claim of a process that changes the tables is no row of anybody."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tables = {table.name: table for table in metadata.sorted_tables}

    @property
    def names(self) -> Sequence[str]:
        """The tables, parents first."""
        return list(self._tables)

    def key(self, table: str, row: Row) -> Key:
        """Return the primary key of a row."""
        return tuple(str(row[column.name]) for column in self._tables[table].primary_key)

    async def count(self, table: str) -> int:
        """Return how many rows there are."""
        counted = select(func.count()).select_from(self._rows(table).subquery())

        async def work(connection: Statements) -> int:
            return int((await connection.execute(counted)).scalar_one())

        return await self._database.read(work)

    async def page(self, table: str, *, after: Key | None = None, limit: int) -> Sequence[Row]:
        """Return rows by key; see the port."""
        columns = list(self._tables[table].primary_key)
        query = self._rows(table).order_by(*columns).limit(limit)
        if after is not None:
            query = query.where(tuple_(*columns) > tuple_(*map(literal, after)))
        return await self._read([query])

    async def at(self, table: str, keys: Sequence[Key]) -> Sequence[Row]:
        """Return the rows with these keys; see the port."""
        columns = list(self._tables[table].primary_key)
        size = IN_LIST // len(columns)
        return await self._read(
            [
                self._rows(table).where(tuple_(*columns).in_(keys[start : start + size]))
                for start in range(0, len(keys), size)
            ]
        )

    async def add(self, table: str, rows: Sequence[Row]) -> None:
        """Keep rows whose key is not there; see the port."""
        of = self._tables[table]
        # The key alone: where another row has the name or the pair, it must be told.
        add = self._insert(of).on_conflict_do_nothing(index_elements=[*of.primary_key])

        async def work(connection: Statements) -> None:
            try:
                await connection.execute(add, [dict(row) for row in rows])
            except IntegrityError as error:
                raise Conflict(f"another row of {table} has what only one may have") from error

        await self._database.write(work)

    def _insert(self, of: Table) -> sqlite.Insert | postgresql.Insert:
        if self._database.server is None:
            return sqlite.insert(of)
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - who needs it pays for it

        return postgresql.insert(of)

    def _rows(self, table: str) -> Select[Any]:
        of: Table = self._tables[table]
        query = select(of)
        return query.where(keys.c.name != CLAIM) if of is keys else query

    async def _read(self, queries: Sequence[Select[Any]]) -> list[Row]:
        async def work(connection: Statements) -> list[Row]:
            return [
                dict(row)
                for query in queries
                for row in (await connection.execute(query)).mappings()
            ]

        return await self._database.read(work)
