"""Refresh tokens and revocations in SQL."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, exists, func, insert, select, update

from chat4all.adapters.sql.database import Database
from chat4all.adapters.sql.tables import refresh_tokens, revocations
from chat4all.adapters.sql.transactions import Statements
from chat4all.domain.errors import InvalidToken
from chat4all.ports.users import RefreshToken

REMEMBERED = timedelta(days=30)
"""How long an expired token is still told from one that never existed."""


class SqlTokens:
    """`Tokens` in SQL."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def add_refresh(self, token: RefreshToken) -> None:
        """Keep a refresh token; in a revoked family it is unusable from the start."""
        row = {
            "token_hash": token.token_hash,
            "family": token.family,
            "user_id": token.user_id,
            "scope": token.scope,
            "used": False,
            "expires_at": token.expires_at,
        }

        async def work(connection: Statements) -> None:
            await connection.execute(insert(refresh_tokens).values(row))

        await self._database.write(work)

    async def use_refresh(self, token_hash: str, *, at: datetime) -> RefreshToken | None:
        """Take a token out of use and return it; a reuse revokes the family."""

        async def work(connection: Statements) -> RefreshToken | InvalidToken | None:
            found = (await connection.execute(_lookup(token_hash))).one_or_none()
            if found is None:
                return None
            if found.used or found.revoked:
                # Returned, not raised: raising would undo the revocation.
                await _revoke_family(connection, found.family)
                return InvalidToken("the refresh token was used before or revoked; sign in again")
            if found.expires_at <= at:
                return InvalidToken("the refresh token has expired; sign in again")
            this = refresh_tokens.c.token_hash == token_hash
            await connection.execute(update(refresh_tokens).where(this).values(used=True))
            await _forget(connection, at - REMEMBERED)
            return _token(found)

        result = await self._database.write(work)
        if isinstance(result, InvalidToken):
            raise result
        return result

    async def peek_refresh(self, token_hash: str) -> RefreshToken | None:
        """Return a token that is still usable, without using it."""

        async def work(connection: Statements) -> RefreshToken | None:
            found = (await connection.execute(_lookup(token_hash))).one_or_none()
            if found is None or found.used or found.revoked or found.expires_at <= self._clock():
                return None
            return _token(found)

        return await self._database.read(work)

    async def revoke(self, subject: str, *, until: datetime) -> None:
        """Revoke a family or one access token; a repeat never shortens it."""

        async def work(connection: Statements) -> None:
            await _revoke(connection, subject, until)

        await self._database.write(work)

    async def revoked(self, *, at: datetime) -> Collection[str]:
        """Return every family and `jti` whose revocation still matters at `at`."""
        query = select(revocations.c.subject).where(revocations.c.until > at)

        async def work(connection: Statements) -> Collection[str]:
            return set((await connection.execute(query)).scalars())

        return await self._database.read(work)


def _lookup(token_hash: str) -> Any:
    # A revoked family stays revoked for its refresh tokens, whatever `until` says.
    revoked = exists().where(revocations.c.subject == refresh_tokens.c.family)
    return select(refresh_tokens, revoked.label("revoked")).where(
        refresh_tokens.c.token_hash == token_hash
    )


async def _revoke_family(connection: Statements, family: str) -> None:
    newest = select(func.max(refresh_tokens.c.expires_at)).where(refresh_tokens.c.family == family)
    await _revoke(connection, family, (await connection.execute(newest)).scalar_one())


async def _revoke(connection: Statements, subject: str, until: datetime) -> None:
    this = revocations.c.subject == subject
    query = select(revocations.c.until).where(this)
    kept = (await connection.execute(query)).scalar_one_or_none()
    if kept is None:
        await connection.execute(insert(revocations).values(subject=subject, until=until))
    elif kept < until:
        await connection.execute(update(revocations).where(this).values(until=until))


async def _forget(connection: Statements, before: datetime) -> None:
    old = delete(refresh_tokens).where(refresh_tokens.c.expires_at < before)
    await connection.execute(old)
    # A family's revocation outlives its last token, else the token would come back to life.
    in_use = exists().where(refresh_tokens.c.family == revocations.c.subject)
    await connection.execute(delete(revocations).where(revocations.c.until < before, ~in_use))


def _token(row: Row[Any]) -> RefreshToken:
    return RefreshToken(
        token_hash=row.token_hash,
        family=row.family,
        user_id=row.user_id,
        expires_at=row.expires_at,
        scope=row.scope,
    )
