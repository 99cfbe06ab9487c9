"""Whom programs may act for, and what they did, in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import delete, insert, select

from chat4all.adapters.sql.database import Database
from chat4all.adapters.sql.tables import delegated_acts, delegations
from chat4all.adapters.sql.transactions import Statements
from chat4all.domain.api_keys import DelegatedAct, Delegation
from chat4all.domain.ids import ActId, UserId

_of, _act = delegations.c, delegated_acts.c


class SqlDelegations:
    """`Delegations` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def allow(self, delegation: Delegation) -> None:
        """See `Delegations.allow`."""
        kept = select(_of.user_id).where(
            _of.user_id == delegation.user_id, _of.account_id == delegation.account_id
        )

        async def work(connection: Statements) -> None:
            if (await connection.execute(kept)).one_or_none() is None:
                await connection.execute(insert(delegations).values(asdict(delegation)))

        await self._database.write(work)

    async def withdraw(self, user: UserId, account: UserId) -> None:
        """See `Delegations.withdraw`."""
        gone = delete(delegations).where(_of.user_id == user, _of.account_id == account)

        async def work(connection: Statements) -> None:
            await connection.execute(gone)

        await self._database.write(work)

    async def of_user(self, user: UserId) -> Sequence[Delegation]:
        """See `Delegations.of_user`."""
        query = select(delegations).where(_of.user_id == user).order_by(_of.account_id)

        async def work(connection: Statements) -> Sequence[Delegation]:
            return [Delegation(**row._mapping) for row in await connection.execute(query)]  # noqa: SLF001 - public, whatever its name

        return await self._database.read(work)

    async def record(self, act: DelegatedAct) -> bool:
        """See `Delegations.record`."""
        allowed = select(_of.user_id).where(
            _of.user_id == act.user_id, _of.account_id == act.account_id
        )

        async def work(connection: Statements) -> bool:
            if (await connection.execute(allowed)).one_or_none() is None:
                return False
            await connection.execute(insert(delegated_acts).values(asdict(act)))
            return True

        return await self._database.write(work)

    async def acts(
        self,
        *,
        user: UserId | None = None,
        account: UserId | None = None,
        before: ActId | None = None,
        limit: int,
    ) -> Sequence[DelegatedAct]:
        """See `Delegations.acts`."""
        query = select(delegated_acts).order_by(_act.id.desc()).limit(limit)
        if user is not None:
            query = query.where(_act.user_id == user)
        if account is not None:
            query = query.where(_act.account_id == account)
        if before is not None:
            query = query.where(_act.id < before)

        async def work(connection: Statements) -> Sequence[DelegatedAct]:
            return [DelegatedAct(**row._mapping) for row in await connection.execute(query)]  # noqa: SLF001 - public, whatever its name

        return await self._database.read(work)
