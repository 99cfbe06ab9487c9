"""External identities in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, update

from chat4all.adapters.sql.database import Database, rows_in
from chat4all.adapters.sql.persons import Person, persons
from chat4all.adapters.sql.tables import channels
from chat4all.adapters.sql.transactions import Statements
from chat4all.adapters.sql.users import require_users
from chat4all.domain.directory import Channel
from chat4all.domain.errors import ChannelNotFound, ChannelTaken
from chat4all.domain.ids import AccountId, ChannelId, UserId

ANY_ACCOUNT = ""
"""What the table keeps for a channel that names no account."""


class SqlChannels:
    """`Channels` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def link(self, channel: Channel) -> Channel:
        """Tie an identity to a user; return the existing row when it already is theirs."""
        account = channel.account_id or ANY_ACCOUNT
        query = _with(channel.platform, channel.external_id, [account])

        async def work(connection: Statements) -> Channel:
            kept = (await connection.execute(query)).one_or_none()
            if kept is not None:
                if kept.user_id not in await _person(connection, channel.user_id):
                    raise ChannelTaken("this external identity belongs to another user")
                return channel_of(kept)
            await require_users(connection, [channel.user_id])
            await connection.execute(insert(channels).values(channel_row(channel)))
            return channel

        return await self._database.write(work)

    async def relink(self, channel: ChannelId, user: UserId) -> None:
        """Move an identity to another user. Raises `ChannelNotFound`, `UserNotFound`."""
        present = select(channels.c.id).where(channels.c.id == channel)
        change = update(channels).where(channels.c.id == channel).values(user_id=user)

        async def work(connection: Statements) -> None:
            if (await connection.execute(present)).one_or_none() is None:
                raise ChannelNotFound(f"there is no channel {channel}")
            await require_users(connection, [user])
            await connection.execute(change)

        await self._database.write(work)

    async def set_reachable(self, channel: ChannelId) -> None:
        """Say that the person can be written to. Raises `ChannelNotFound`."""
        change = update(channels).where(channels.c.id == channel).values(reachable=True)

        async def work(connection: Statements) -> None:
            if not (await connection.execute(change)).rowcount:
                raise ChannelNotFound(f"there is no channel {channel}")

        await self._database.write(work)

    async def unlink(self, user: UserId, channel: ChannelId) -> None:
        """Remove an identity of `user`. Raises `ChannelNotFound`."""
        gone = delete(channels).where(channels.c.id == channel)

        async def work(connection: Statements) -> None:
            whose = channels.c.user_id.in_(await _person(connection, user))
            if not (await connection.execute(gone.where(whose))).rowcount:
                raise ChannelNotFound(f"{user} has no channel {channel}")

        await self._database.write(work)

    async def of_users(self, users: Sequence[UserId]) -> Mapping[UserId, Sequence[Channel]]:
        """Return the identities of each user, oldest first; users without any are left out."""

        async def work(connection: Statements) -> Mapping[UserId, Sequence[Channel]]:
            people = await persons(connection, users)
            everybody = {one for person in people.values() for one in person}
            rows = await rows_in(connection, select(channels), channels.c.user_id, everybody)
            owned: dict[UserId, list[Channel]] = {}
            for row in sorted(rows, key=lambda row: (row.linked_at, row.id)):
                owned.setdefault(row.user_id, []).append(channel_of(row))
            found = {user: _of(user, person, owned) for user, person in people.items()}
            return {user: theirs for user, theirs in found.items() if theirs}

        return await self._database.read(work) if users else {}

    async def resolve(
        self, platform: str, account: AccountId | None, external_id: str
    ) -> Channel | None:
        """Return the identity, exact in all three parts, or one that names no account."""
        accounts = [ANY_ACCOUNT] if account is None else [account, ANY_ACCOUNT]
        # "" comes last, so the exact one wins.
        query = _with(platform, external_id, accounts).order_by(channels.c.account_id.desc())

        async def work(connection: Statements) -> Channel | None:
            row = (await connection.execute(query.limit(1))).one_or_none()
            return None if row is None else channel_of(row)

        return await self._database.read(work)


async def _person(connection: Statements, user: UserId) -> Person:
    return (await persons(connection, [user]))[user]


def _of(
    user: UserId, person: Person, owned: Mapping[UserId, Sequence[Channel]]
) -> Sequence[Channel]:
    """Return a user's own channels, then those of the kept contact, then the others'."""
    order = [user, *(one for one in person if one != user)]
    return [channel for one in order for channel in owned.get(one, ())]


def _with(platform: str, external_id: str, accounts: Sequence[str]) -> Select[Any]:
    return select(channels).where(
        channels.c.platform == platform,
        channels.c.external_id == external_id,
        channels.c.account_id.in_(accounts),
    )


def channel_row(channel: Channel) -> dict[str, Any]:
    """Return a channel as its row."""
    return {
        "id": channel.id,
        "user_id": channel.user_id,
        "platform": channel.platform,
        "account_id": channel.account_id or ANY_ACCOUNT,
        "external_id": channel.external_id,
        "linked_at": channel.linked_at,
        "reachable": channel.reachable,
    }


def channel_of(row: Row[Any]) -> Channel:
    """Return the channel of a row."""
    return Channel(
        id=row.id,
        user_id=row.user_id,
        platform=row.platform,
        external_id=row.external_id,
        linked_at=row.linked_at,
        account_id=row.account_id or None,
        reachable=row.reachable,
    )
