"""What waits to be pushed to devices, in SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, insert, select, update

from chat4all.adapters.sql.database import Database, rows_in
from chat4all.adapters.sql.tables import push_notices, push_subscriptions
from chat4all.adapters.sql.transactions import Statements
from chat4all.domain.ids import ConversationId, MessageId, SubscriptionId, UserId
from chat4all.domain.push import PushNotice

Key = tuple[SubscriptionId, ConversationId]
_c = push_notices.c


class SqlPushNotices:
    """`PushNotices` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, notices: Sequence[PushNotice], *, at: datetime) -> None:
        """See `PushNotices.add`."""
        newest: dict[Key, PushNotice] = {}
        for one in notices:
            known = newest.get(_key(one))
            if known is None or known.seq < one.seq:
                newest[_key(one)] = one

        async def work(connection: Statements) -> None:
            await _add(connection, newest, at)

        if newest:
            await self._database.write(work)

    async def due(
        self, at: datetime, *, limit: int, without: Collection[UserId] = ()
    ) -> Sequence[PushNotice]:
        """See `PushNotices.due`."""
        query = (
            select(push_notices)
            .where(_c.next_at <= at)
            .order_by(_c.next_at, _c.subscription_id, _c.conversation_id)
            .limit(limit)
        )
        if without:
            query = query.where(_c.user_id.not_in(list(without)))

        async def work(connection: Statements) -> Sequence[PushNotice]:
            return [_notice(row) for row in await connection.execute(query)]

        return await self._database.read(work)

    async def again(self, notice: PushNotice) -> None:
        """See `PushNotices.again`."""
        values = {"attempts": notice.attempts, "next_at": notice.next_at}
        change = update(push_notices).where(_is(_key(notice))).values(values)

        async def work(connection: Statements) -> None:
            await connection.execute(change)

        await self._database.write(work)

    async def done(self, notice: PushNotice) -> None:
        """See `PushNotices.done`."""
        gone = delete(push_notices).where(_is(_key(notice)), _c.seq <= notice.seq)

        async def work(connection: Statements) -> None:
            await connection.execute(gone)

        await self._database.write(work)


async def _add(connection: Statements, newest: Mapping[Key, PushNotice], at: datetime) -> None:
    devices = [one for one, _ in newest]
    s = push_subscriptions.c
    there = {row.id for row in await rows_in(connection, select(s.id), s.id, devices)}
    rows = await rows_in(connection, select(push_notices), _c.subscription_id, devices)
    kept = {(row.subscription_id, row.conversation_id): _notice(row) for row in rows}
    new = []
    for key, one in newest.items():
        waits = kept.get(key)
        if one.subscription_id in there and waits is None:
            new.append(_row(one) | {"attempts": 0, "next_at": at})
        elif waits is not None and waits.seq < one.seq:
            attempts, time = waits.attempts, waits.next_at if waits.attempts else at
            values = _row(one) | {"attempts": attempts, "next_at": time}
            await connection.execute(update(push_notices).where(_is(key)).values(values))
    if new:
        await connection.execute(insert(push_notices), new)


def _key(notice: PushNotice) -> Key:
    return notice.subscription_id, notice.conversation_id


def _is(key: Key) -> ColumnElement[bool]:
    return and_(_c.subscription_id == key[0], _c.conversation_id == key[1])


def _row(notice: PushNotice) -> dict[str, Any]:
    return {
        "subscription_id": notice.subscription_id,
        "conversation_id": notice.conversation_id,
        "user_id": notice.user_id,
        "message_id": notice.message_id,
        "seq": notice.seq,
        "trace": notice.trace,
        "created_at": notice.created_at,
    }


def _notice(row: Row[Any]) -> PushNotice:
    return PushNotice(
        subscription_id=SubscriptionId(row.subscription_id),
        conversation_id=ConversationId(row.conversation_id),
        user_id=UserId(row.user_id),
        message_id=MessageId(row.message_id),
        seq=row.seq,
        trace=row.trace,
        created_at=row.created_at,
        attempts=row.attempts,
        next_at=row.next_at,
    )
