"""Global configuration in SQL."""

from __future__ import annotations

from sqlalchemy import insert, select

from chat4all.adapters.sql.database import Database
from chat4all.adapters.sql.tables import keys
from chat4all.adapters.sql.transactions import Statements


class SqlKeys:
    """`Keys` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_or_set(self, name: str, value: str) -> str:
        """Return what is kept under `name`; keep and return `value` when nothing is."""
        query = select(keys.c.value).where(keys.c.name == name)

        async def work(connection: Statements) -> str:
            kept: str | None = (await connection.execute(query)).scalar_one_or_none()
            if kept is not None:
                return kept
            await connection.execute(insert(keys).values(name=name, value=value))
            return value

        return await self._database.write(work)
