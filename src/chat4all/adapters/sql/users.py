"""Users in SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select, update

from chat4all.adapters.sql.database import Database, rows_in
from chat4all.adapters.sql.folding import search_key, username_key
from chat4all.adapters.sql.tables import channels, contact_merges
from chat4all.adapters.sql.tables import users as table
from chat4all.adapters.sql.transactions import Statements
from chat4all.domain.directory import User, UserKind
from chat4all.domain.errors import UserNotFound
from chat4all.domain.ids import UserId


class SqlUsers:
    """`Users` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, user: User, *, secret_hash: str | None = None) -> None:
        """Keep a new user; `Conflict` when the id was ever in use."""
        row = new_user_row(user, secret_hash=secret_hash)

        async def work(connection: Statements) -> None:
            await connection.execute(insert(table).values(row))

        await self._database.write(work)

    async def get_many(self, users: Collection[UserId]) -> Mapping[UserId, User]:
        """Return those that exist."""

        async def work(connection: Statements) -> Mapping[UserId, User]:
            rows = await rows_in(connection, _PRESENT, table.c.id, users)
            into = {row.merged_into for row in rows} - {None}
            kept = {row.id: row for row in await rows_in(connection, _PRESENT, table.c.id, into)}
            return {row.id: _shown(row, kept.get(row.merged_into)) for row in rows}

        return await self._database.read(work) if users else {}

    async def by_username(self, username: str) -> tuple[User, str | None] | None:
        """Return the user and their secret hash, or None."""
        query = _PRESENT.where(table.c.username_key == username_key(username))

        async def work(connection: Statements) -> tuple[User, str | None] | None:
            row = (await connection.execute(query)).one_or_none()
            return None if row is None else (user_of(row), row.secret_hash)

        return await self._database.read(work)

    async def update(self, user: User) -> None:
        """Replace all but id, kind, owner and creation time."""
        change = (
            update(table)
            .where(table.c.id == user.id, table.c.removed.is_(False))
            .values(_changeable(user))
        )

        async def work(connection: Statements) -> None:
            if not (await connection.execute(change)).rowcount:
                raise UserNotFound(f"there is no user {user.id}")

        await self._database.write(work)

    async def remove(self, user: UserId) -> None:
        """Forget a user, those merged into them, and their channels; the ids stay reserved."""
        everybody = select(table.c.id).where(or_(table.c.id == user, table.c.merged_into == user))
        told = update(contact_merges).values(before=[], display_name="")

        async def work(connection: Statements) -> None:
            gone = list(await connection.scalars(everybody))
            await connection.execute(update(table).where(table.c.id.in_(gone)).values(_NOBODY))
            await connection.execute(delete(channels).where(channels.c.user_id.in_(gone)))
            await connection.execute(told.where(contact_merges.c.kept_id.in_(gone)))

        await self._database.write(work)

    async def search(
        self,
        words: str,
        *,
        kind: UserKind | None = None,
        owner: UserId | None = None,
        after: UserId | None = None,
        limit: int,
    ) -> Sequence[User]:
        """Return users whose username or display name contains `words`, by id."""
        query = _PRESENT.where(table.c.merged_into.is_(None)).order_by(table.c.id).limit(limit)
        if wanted := search_key(words):
            query = query.where(table.c.search_key.contains(wanted, autoescape=True))
        if kind is not None:
            query = query.where(table.c.kind == kind.value)
        if owner is None:
            query = query.where(table.c.kind != UserKind.CONTACT.value)
        else:
            query = query.where(table.c.owner_id == owner)
        if after is not None:
            query = query.where(table.c.id > after)

        async def work(connection: Statements) -> Sequence[User]:
            return [user_of(row) for row in await connection.execute(query)]

        return await self._database.read(work)


async def require_users(connection: Statements, wanted: Collection[UserId]) -> None:
    """Raise `UserNotFound` unless all of `wanted` exist."""
    present = select(table.c.id).where(table.c.removed.is_(False))
    found = {row.id for row in await rows_in(connection, present, table.c.id, wanted)}
    for user in wanted:
        if user not in found:
            raise UserNotFound(f"there is no user {user}")


_PRESENT = select(table).where(table.c.removed.is_(False))
_NOBODY = {
    "removed": True,
    "username": None,
    "username_key": None,
    "display_name": "",
    "email": None,
    "owner_id": None,
    "admin": False,
    "preferred_channel": None,
    "secret_hash": None,
    "search_key": "",
    "last_seen_at": None,
    "merged_into": None,
}


def new_user_row(user: User, *, secret_hash: str | None = None) -> dict[str, Any]:
    """Return the row of a user who was never kept."""
    return {
        **_changeable(user),
        "id": user.id,
        "kind": user.kind.value,
        "owner_id": user.owner_id,
        "created_at": user.created_at,
        "secret_hash": secret_hash,
        "removed": False,
    }


def _changeable(user: User) -> dict[str, Any]:
    # A line break between the names, so that no search finds a word across both.
    names = f"{search_key(user.username or '')}\n{search_key(user.display_name)}"
    return {
        "username": user.username,
        "username_key": None if user.username is None else username_key(user.username),
        "display_name": user.display_name,
        "email": user.email,
        "admin": user.admin,
        "preferred_channel": user.preferred_channel,
        "search_key": names,
        "last_seen_at": user.last_seen_at,
    }


def user_of(row: Row[Any]) -> User:
    """Return the user of a row."""
    return User(
        id=row.id,
        kind=UserKind(row.kind),
        display_name=row.display_name,
        created_at=row.created_at,
        username=row.username,
        email=row.email,
        owner_id=row.owner_id,
        admin=row.admin,
        preferred_channel=row.preferred_channel,
        last_seen_at=row.last_seen_at,
        merged_into=row.merged_into,
    )


def _shown(row: Row[Any], kept: Row[Any] | None) -> User:
    """Return the user of a row; a merged contact is called and reached as the kept one is."""
    user = user_of(row)
    if kept is None:
        return user
    return replace(user, display_name=kept.display_name, preferred_channel=kept.preferred_channel)
