"""Keys of programs in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Update, insert, or_, select, update

from chat4all.adapters.sql.database import Database
from chat4all.adapters.sql.tables import api_keys
from chat4all.adapters.sql.transactions import Statements
from chat4all.domain.api_keys import ApiKey, Scope
from chat4all.domain.ids import KeyId, UserId

_c = api_keys.c


class SqlApiKeys:
    """`ApiKeys` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: ApiKey) -> None:
        """See `ApiKeys.add`."""
        row = _row(key)

        async def work(connection: Statements) -> None:
            await connection.execute(insert(api_keys).values(row))

        await self._database.write(work)

    async def replace(self, old: KeyId, new: ApiKey, *, until: datetime) -> None:
        """See `ApiKeys.replace`."""
        row = _row(new)
        later = or_(_c.expires_at.is_(None), _c.expires_at > until)
        shorter = update(api_keys).where(_c.id == old, later).values(expires_at=until)

        async def work(connection: Statements) -> None:
            await connection.execute(insert(api_keys).values(row))
            await connection.execute(shorter)

        await self._database.write(work)

    async def by_hash(self, secret_hash: str) -> ApiKey | None:
        """See `ApiKeys.by_hash`."""
        query = select(api_keys).where(_c.secret_hash == secret_hash)

        async def work(connection: Statements) -> ApiKey | None:
            row = (await connection.execute(query)).one_or_none()
            return None if row is None else _key(row)

        return await self._database.read(work)

    async def of_account(self, account: UserId) -> Sequence[ApiKey]:
        """See `ApiKeys.of_account`."""
        query = select(api_keys).where(_c.account_id == account).order_by(_c.id)

        async def work(connection: Statements) -> Sequence[ApiKey]:
            return [_key(row) for row in await connection.execute(query)]

        return await self._database.read(work)

    async def used(self, key: KeyId, at: datetime) -> None:
        """See `ApiKeys.used`."""
        earlier = or_(_c.used_at.is_(None), _c.used_at < at)
        await self._change(update(api_keys).where(_c.id == key, earlier).values(used_at=at))

    async def revoke(self, key: KeyId, at: datetime) -> None:
        """See `ApiKeys.revoke`."""
        this = (_c.id == key, _c.revoked_at.is_(None))
        await self._change(update(api_keys).where(*this).values(revoked_at=at))

    async def _change(self, change: Update) -> None:
        async def work(connection: Statements) -> None:
            await connection.execute(change)

        await self._database.write(work)


def _row(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "account_id": key.account_id,
        "secret_hash": key.secret_hash,
        "hint": key.hint,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "per_minute": key.per_minute,
        "created_by": key.created_by,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "used_at": key.used_at,
        "revoked_at": key.revoked_at,
    }


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        account_id=row.account_id,
        secret_hash=row.secret_hash,
        hint=row.hint,
        name=row.name,
        scopes=frozenset(map(Scope, row.scopes)),
        per_minute=row.per_minute,
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        revoked_at=row.revoked_at,
    )
