"""One-time link codes in SQL."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert

from chat4all.adapters.sql.database import Database
from chat4all.adapters.sql.tables import link_codes
from chat4all.adapters.sql.transactions import Statements
from chat4all.domain.ids import UserId


class SqlLinkCodes:
    """`LinkCodes` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, code: str, user: UserId, *, platform: str, expires_at: datetime) -> None:
        """Keep a code; it can be taken once, before it expires."""
        row = {"code": code, "user_id": user, "platform": platform, "expires_at": expires_at}

        async def work(connection: Statements) -> None:
            await connection.execute(insert(link_codes).values(row))

        await self._database.write(work)

    async def take(self, code: str, *, platform: str, at: datetime) -> UserId | None:
        """Return the user of an unused, unexpired code for `platform`, and use it up."""
        expired = delete(link_codes).where(link_codes.c.expires_at <= at)
        taken = (
            delete(link_codes)
            .where(link_codes.c.code == code, link_codes.c.platform == platform)
            .returning(link_codes.c.user_id)
        )

        async def work(connection: Statements) -> UserId | None:
            await connection.execute(expired)
            user: UserId | None = (await connection.execute(taken)).scalar_one_or_none()
            return user

        return await self._database.write(work)
