"""Which channels are left to try, in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from chat4all.adapters.sql.database import Database
from chat4all.adapters.sql.tables import failovers
from chat4all.adapters.sql.transactions import Statements
from chat4all.domain.failover import Deadlines, FailoverPlan
from chat4all.domain.ids import MessageId, UserId


class SqlFailovers:
    """`Failovers` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, plan: FailoverPlan) -> None:
        """See `Failovers.put`."""
        row = {
            "message_id": plan.message_id,
            "user_id": plan.user_id,
            "conversation_id": plan.conversation_id,
            "channels": list(plan.channels),
            "deliver_within": plan.deadlines.deliver_within,
            "read_within": plan.deadlines.read_within,
            "due_at": plan.due_at,
            "expires_at": plan.expires_at,
        }
        mine = (
            failovers.c.message_id == plan.message_id,
            failovers.c.user_id == plan.user_id,
        )

        async def work(connection: Statements) -> None:
            changed = await connection.execute(update(failovers).where(*mine).values(row))
            if not changed.rowcount:
                await connection.execute(insert(failovers).values(row))

        await self._database.write(work)

    async def get(self, message: MessageId, user: UserId) -> FailoverPlan | None:
        """See `Failovers.get`."""
        query = select(failovers).where(
            failovers.c.message_id == message, failovers.c.user_id == user
        )

        async def work(connection: Statements) -> FailoverPlan | None:
            row = (await connection.execute(query)).one_or_none()
            return None if row is None else _plan(row)

        return await self._database.read(work)

    async def due(self, at: datetime, *, limit: int) -> Sequence[FailoverPlan]:
        """See `Failovers.due`."""
        query = select(failovers).where(failovers.c.due_at <= at)
        query = query.order_by(failovers.c.due_at).limit(limit)

        async def work(connection: Statements) -> Sequence[FailoverPlan]:
            return [_plan(row) for row in await connection.execute(query)]

        return await self._database.read(work)

    async def forget(self, before: datetime) -> int:
        """See `Failovers.forget`."""
        change = delete(failovers).where(failovers.c.expires_at < before)

        async def work(connection: Statements) -> int:
            return (await connection.execute(change)).rowcount

        return await self._database.write(work)


def _plan(row: Row[Any]) -> FailoverPlan:
    return FailoverPlan(
        message_id=row.message_id,
        user_id=row.user_id,
        conversation_id=row.conversation_id,
        channels=tuple(row.channels),
        deadlines=Deadlines(deliver_within=row.deliver_within, read_within=row.read_within),
        due_at=row.due_at,
        expires_at=row.expires_at,
    )
