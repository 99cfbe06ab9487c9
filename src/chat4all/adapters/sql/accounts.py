"""Connector accounts in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from chat4all.adapters.sql.database import Database
from chat4all.adapters.sql.tables import accounts
from chat4all.adapters.sql.transactions import Statements
from chat4all.domain.directory import Account
from chat4all.domain.errors import AccountNotFound
from chat4all.domain.ids import AccountId

ENABLED, DISABLED = "enabled", "disabled"


class SqlAccounts:
    """`Accounts` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, account: Account) -> None:
        """Keep an account, new or changed, except its poll offset."""
        row = _row(account)
        change = update(accounts).where(accounts.c.id == account.id).values(row)

        async def work(connection: Statements) -> None:
            if not (await connection.execute(change)).rowcount:
                await connection.execute(insert(accounts).values(id=account.id, **row))

        await self._database.write(work)

    async def get(self, account: AccountId) -> Account | None:
        """Return one account."""
        query = select(accounts).where(accounts.c.id == account)

        async def work(connection: Statements) -> Account | None:
            row = (await connection.execute(query)).one_or_none()
            return None if row is None else _account(row)

        return await self._database.read(work)

    async def list(self, *, platform: str | None = None) -> Sequence[Account]:
        """Return all accounts, oldest first."""
        query = select(accounts).order_by(accounts.c.created_at, accounts.c.id)
        if platform is not None:
            query = query.where(accounts.c.platform == platform)

        async def work(connection: Statements) -> Sequence[Account]:
            return [_account(row) for row in await connection.execute(query)]

        return await self._database.read(work)

    async def remove(self, account: AccountId) -> None:
        """Forget an account; unknown ids are no error."""
        gone = delete(accounts).where(accounts.c.id == account)

        async def work(connection: Statements) -> None:
            await connection.execute(gone)

        await self._database.write(work)

    async def set_poll_offset(self, account: AccountId, offset: str) -> None:
        """Keep how far a polling connector has read. Raises `AccountNotFound`."""
        change = update(accounts).where(accounts.c.id == account).values(poll_offset=offset)

        async def work(connection: Statements) -> None:
            if not (await connection.execute(change)).rowcount:
                raise AccountNotFound(f"there is no account {account}")

        await self._database.write(work)


def _row(account: Account) -> dict[str, Any]:
    return {
        "platform": account.platform,
        "name": account.name,
        "owner_id": account.owner_id,
        "status": ENABLED if account.enabled else DISABLED,
        "config": dict(account.config),
        "created_at": account.created_at,
        "updated_at": account.updated_at,
    }


def _account(row: Row[Any]) -> Account:
    return Account(
        id=row.id,
        platform=row.platform,
        name=row.name,
        owner_id=row.owner_id,
        config=row.config,
        created_at=row.created_at,
        updated_at=row.updated_at,
        enabled=row.status == ENABLED,
        poll_offset=row.poll_offset,
    )
