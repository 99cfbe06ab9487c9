"""Many contacts at once in SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, distinct, func, insert, select, update

from chat4all.adapters.sql.channels import channel_of, channel_row
from chat4all.adapters.sql.database import Database, rows_in
from chat4all.adapters.sql.folding import search_key
from chat4all.adapters.sql.tables import channels, users
from chat4all.adapters.sql.transactions import Statements
from chat4all.adapters.sql.users import new_user_row, require_users, user_of
from chat4all.domain.directory import Channel, User, UserKind
from chat4all.domain.errors import ChannelTaken, UserNotFound
from chat4all.domain.ids import UserId
from chat4all.ports.contacts import ContactBatch, PlatformAddress, SharedId


class SqlContactBatches:
    """`ContactBatches` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def holders(
        self, addresses: Collection[PlatformAddress]
    ) -> Sequence[tuple[Channel, User]]:
        """Return the channels with any of these addresses, and whose they are."""

        async def work(connection: Statements) -> Sequence[tuple[Channel, User]]:
            rows = await _with_addresses(connection, addresses)
            ids = {row.user_id for row in rows}
            owners = await rows_in(connection, select(users), users.c.id, ids)
            into = {row.merged_into for row in owners} - {None}
            kept = {
                row.id: row for row in await rows_in(connection, select(users), users.c.id, into)
            }
            known = {row.id: user_of(kept.get(row.merged_into, row)) for row in owners}
            return [(channel_of(row), known[row.user_id]) for row in rows]

        return await self._database.read(work) if addresses else []

    async def shared(self, owner: UserId, *, after: str = "", limit: int) -> Sequence[SharedId]:
        """See `ContactBatches.shared`."""
        key = func.lower(func.ltrim(channels.c.external_id, "+"))
        person = func.coalesce(users.c.merged_into, users.c.id)
        theirs = (
            select(channels)
            .join(users, users.c.id == channels.c.user_id)
            .where(users.c.owner_id == owner, users.c.kind == UserKind.CONTACT.value)
        )
        keys = (
            theirs.with_only_columns(key)
            .where(key > after)
            .group_by(key)
            .having(func.count(distinct(person)) > 1)
            .order_by(key)
            .limit(limit)
        )

        async def work(connection: Statements) -> Sequence[SharedId]:
            found = list(await connection.scalars(keys))
            rows = await connection.execute(
                theirs.where(key.in_(found)).add_columns(key.label("key"))
            )
            groups: dict[str, list[Channel]] = {one: [] for one in found}
            for row in rows:
                groups[row.key].append(channel_of(row))
            return [
                SharedId(key=one, channels=sorted(each, key=lambda c: (c.linked_at, c.id)))
                for one, each in groups.items()
            ]

        return await self._database.read(work)

    async def keep(self, batch: ContactBatch) -> None:
        """Keep all of a batch in one transaction."""
        owners = {
            PlatformAddress(one.platform, one.external_id): one.user_id for one in batch.channels
        }

        async def work(connection: Statements) -> None:
            held = await _with_addresses(connection, owners)
            query = select(users.c.id).where(users.c.owner_id == batch.owner)
            theirs = await rows_in(connection, query, users.c.id, {row.user_id for row in held})
            ours = {batch.owner, *(row.id for row in theirs)}
            for row in held:
                said = owners[PlatformAddress(row.platform, row.external_id)]
                if row.user_id in ours and row.user_id != said:
                    raise ChannelTaken("an address was given to another contact meanwhile")
            await require_users(connection, batch.changed)
            merged = select(users.c.id).where(users.c.merged_into.is_not(None))
            if await rows_in(connection, merged, users.c.id, batch.changed):
                raise UserNotFound("a contact was merged into another meanwhile")
            if batch.contacts:
                rows = [new_user_row(one) for one in batch.contacts]
                await connection.execute(insert(users), rows)
            if batch.names:
                named = [
                    {"who": user, "display_name": name, "search_key": f"\n{search_key(name)}"}
                    for user, name in batch.names.items()
                ]
                await connection.execute(update(users).where(users.c.id == bindparam("who")), named)
            if batch.channels:
                rows = [channel_row(one) for one in batch.channels]
                await connection.execute(insert(channels), rows)

        await self._database.write(work)


async def _with_addresses(
    connection: Statements, addresses: Collection[PlatformAddress]
) -> list[Row[Any]]:
    wanted: dict[str, list[str]] = {}
    for platform, external_id in addresses:
        wanted.setdefault(platform, []).append(external_id)
    rows: list[Row[Any]] = []
    for platform, ids in wanted.items():
        query = select(channels).where(channels.c.platform == platform)
        rows += await rows_in(connection, query, channels.c.external_id, ids)
    return rows
