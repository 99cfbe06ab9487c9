"""The directory, row by row: who signs in with what, who is where, accounts, keys, routes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from chat4all.domain.errors import Conflict
from chat4all.ports.moving import Key, Row, Tables
from chat4all.services.moving.part import Meter, differs, foreign

PAGE = 500


class MoveDirectory:
    """Moves the tables one after the other, parents first."""

    def __init__(self, source: Tables, target: Tables, meter: Meter) -> None:
        self._source = source
        self._target = target
        self._meter = meter

    async def require(self) -> None:
        """Refuse a target with rows that the source does not have so; see `Part`."""
        for table in self._target.names:
            async for rows in _pages(self._target, table):
                ours = await self._rows_at(self._source, table, rows)
                for row in rows:
                    if ours.get(self._target.key(table, row)) != dict(row):
                        raise foreign(f"a row of {table}")

    async def copy(self) -> None:
        """Bring what is missing; see `Part`."""
        self._meter.begin("directory", await self._count())
        for table in self._source.names:
            async for rows in _pages(self._source, table):
                there = await self._rows_at(self._target, table, rows)
                missing = [row for row in rows if self._source.key(table, row) not in there]
                if missing:
                    await self._add(table, missing)
                self._meter.moved(len(rows))

    async def verify(self) -> dict[str, int]:
        """Compare every row; see `Part`."""
        self._meter.begin("comparing the directory", await self._count())
        counts = {}
        for table in self._source.names:
            async for rows in _pages(self._source, table):
                there = await self._rows_at(self._target, table, rows)
                for row in rows:
                    if there.get(self._source.key(table, row)) != dict(row):
                        raise differs(f"a row of {table}")
                self._meter.moved(len(rows))
            count = counts[f"rows of {table}"] = await self._source.count(table)
            if await self._target.count(table) != count:
                raise differs(f"the number of rows of {table}")
        return counts

    async def _add(self, table: str, rows: Sequence[Row]) -> None:
        try:
            await self._target.add(table, rows)
        except Conflict as error:
            raise foreign(f"another row of {table}") from error

    async def _count(self) -> int:
        return sum([await self._source.count(table) for table in self._source.names])

    async def _rows_at(
        self, tables: Tables, table: str, rows: Sequence[Row]
    ) -> dict[Key, dict[str, object]]:
        keys = [tables.key(table, row) for row in rows]
        return {tables.key(table, row): dict(row) for row in await tables.at(table, keys)}


async def _pages(tables: Tables, table: str) -> AsyncIterator[Sequence[Row]]:
    after: Key | None = None
    while rows := await tables.page(table, after=after, limit=PAGE):
        yield rows
        after = tables.key(table, rows[-1])
