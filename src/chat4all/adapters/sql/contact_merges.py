"""Merges of contacts in SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from chat4all.adapters.sql.channels import channel_of
from chat4all.adapters.sql.database import Database, rows_in
from chat4all.adapters.sql.folding import search_key
from chat4all.adapters.sql.persons import persons
from chat4all.adapters.sql.tables import channels, contact_merges, users
from chat4all.adapters.sql.transactions import Statements
from chat4all.domain.contact_merges import (
    UNDO_FOR,
    ContactChanged,
    ContactMerge,
    ContactState,
    differences,
)
from chat4all.domain.directory import Channel, UserKind
from chat4all.domain.ids import ChannelId, MergeId, UserId

_c = contact_merges.c


class SqlContactMerges:
    """`ContactMerges` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def person(self, user: UserId) -> Sequence[UserId]:
        """See `ContactMerges.person`."""

        async def work(connection: Statements) -> Sequence[UserId]:
            return (await persons(connection, [user]))[user]

        return await self._database.read(work)

    async def states(
        self, owner: UserId, contacts: Collection[UserId]
    ) -> Mapping[UserId, ContactState]:
        """See `ContactMerges.states`."""

        async def work(connection: Statements) -> Mapping[UserId, ContactState]:
            return await _states(connection, owner, contacts)

        return await self._database.read(work)

    async def keep(self, merge: ContactMerge) -> None:
        """See `ContactMerges.keep`."""
        forgotten = delete(contact_merges).where(
            _c.owner_id == merge.owner, _c.at < merge.at - UNDO_FOR
        )

        async def work(connection: Statements) -> None:
            await _require(connection, merge, merge.before)
            await _write(connection, merge.after)
            await connection.execute(forgotten)
            await connection.execute(insert(contact_merges).values(_row(merge)))

        await self._database.write(work)

    async def undo(self, merge: ContactMerge, *, at: datetime) -> None:
        """See `ContactMerges.undo`."""
        standing = select(_c.id).where(_c.kept_id == merge.kept, _c.undone_at.is_(None))
        end = update(contact_merges).where(_c.id == merge.id).values(undone_at=at)

        async def work(connection: Statements) -> None:
            there = sorted(await connection.scalars(standing))
            if merge.id not in there:
                return
            if there[-1] != merge.id:
                raise ContactChanged(f"merge {there[-1]} came after it: undo that first")
            await _require(connection, merge, merge.after)
            await _write(connection, merge.before)
            await connection.execute(end)

        await self._database.write(work)

    async def get(self, owner: UserId, merge: MergeId) -> ContactMerge | None:
        """See `ContactMerges.get`."""
        query = select(contact_merges).where(_c.id == merge, _c.owner_id == owner)

        async def work(connection: Statements) -> ContactMerge | None:
            row = (await connection.execute(query)).one_or_none()
            return None if row is None else _merge(row)

        return await self._database.read(work)

    async def page(
        self,
        owner: UserId,
        *,
        kept: UserId | None = None,
        after: MergeId | None = None,
        limit: int,
    ) -> Sequence[ContactMerge]:
        """See `ContactMerges.page`."""
        query = select(contact_merges).where(_c.owner_id == owner).order_by(_c.id.desc())
        if kept is not None:
            query = query.where(_c.kept_id == kept)
        if after is not None:
            query = query.where(_c.id < after)

        async def work(connection: Statements) -> Sequence[ContactMerge]:
            return [_merge(row) for row in await connection.execute(query.limit(limit))]

        return await self._database.read(work)


async def _states(
    connection: Statements, owner: UserId, contacts: Collection[UserId]
) -> Mapping[UserId, ContactState]:
    query = select(users).where(
        users.c.removed.is_(False),
        users.c.owner_id == owner,
        users.c.kind == UserKind.CONTACT.value,
    )
    rows = await rows_in(connection, query, users.c.id, contacts)
    merged = await rows_in(connection, query, users.c.merged_into, [row.id for row in rows])
    found = {row.id: row for row in (*rows, *merged)}
    owned: dict[UserId, list[Channel]] = {}
    theirs = await rows_in(connection, select(channels), channels.c.user_id, found)
    for row in sorted(theirs, key=lambda row: (row.linked_at, row.id)):
        owned.setdefault(row.user_id, []).append(channel_of(row))
    return {
        user: ContactState(
            id=user,
            display_name=row.display_name,
            preferred_channel=row.preferred_channel,
            merged_into=row.merged_into,
            channels=tuple(owned.get(user, ())),
        )
        for user, row in found.items()
    }


async def _require(
    connection: Statements, merge: ContactMerge, expected: Sequence[ContactState]
) -> None:
    found = await _states(connection, merge.owner, [one.id for one in expected])
    if told := differences(expected, found):
        raise ContactChanged("; ".join(told))


async def _write(connection: Statements, states: Iterable[ContactState]) -> None:
    for one in states:
        change = {
            "display_name": one.display_name,
            "preferred_channel": one.preferred_channel,
            "search_key": f"\n{search_key(one.display_name)}",
            "merged_into": one.merged_into,
        }
        await connection.execute(update(users).where(users.c.id == one.id).values(change))


def _row(merge: ContactMerge) -> dict[str, Any]:
    return {
        "id": merge.id,
        "owner_id": merge.owner,
        "kept_id": merge.kept,
        "display_name": merge.display_name,
        "preferred_channel": merge.preferred_channel,
        "before": [_kept_state(one) for one in merge.before],
        "at": merge.at,
        "undone_at": merge.undone_at,
    }


def _merge(row: Row[Any]) -> ContactMerge:
    return ContactMerge(
        id=row.id,
        owner=row.owner_id,
        kept=row.kept_id,
        before=tuple(_state(one) for one in row.before),
        display_name=row.display_name,
        preferred_channel=row.preferred_channel,
        at=row.at,
        undone_at=row.undone_at,
    )


def _kept_state(state: ContactState) -> dict[str, Any]:
    return {
        "id": state.id,
        "display_name": state.display_name,
        "preferred_channel": state.preferred_channel,
        "merged_into": state.merged_into,
        "channels": [
            {
                "id": one.id,
                "platform": one.platform,
                "account_id": one.account_id,
                "external_id": one.external_id,
                "linked_at": one.linked_at.isoformat(),
                "reachable": one.reachable,
            }
            for one in state.channels
        ],
    }


def _state(kept: Mapping[str, Any]) -> ContactState:
    user = UserId(kept["id"])
    return ContactState(
        id=user,
        display_name=kept["display_name"],
        preferred_channel=kept["preferred_channel"],
        merged_into=kept["merged_into"],
        channels=tuple(_channel(user, one) for one in kept["channels"]),
    )


def _channel(user: UserId, kept: Mapping[str, Any]) -> Channel:
    return Channel(
        id=ChannelId(kept["id"]),
        user_id=user,
        platform=kept["platform"],
        account_id=kept["account_id"],
        external_id=kept["external_id"],
        linked_at=datetime.fromisoformat(kept["linked_at"]),
        reachable=kept["reachable"],
    )
