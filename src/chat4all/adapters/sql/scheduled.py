"""Messages to be sent later, in SQL."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, or_, select, update

from chat4all.adapters.sql.database import IN_LIST, Database
from chat4all.adapters.sql.tables import scheduled_messages
from chat4all.adapters.sql.transactions import Statements
from chat4all.domain.drafts import Draft
from chat4all.domain.errors import Conflict
from chat4all.domain.failover import Deadlines
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.payload import payload_from
from chat4all.domain.scheduled import ScheduledMessage, ScheduleState, Waiting
from chat4all.domain.status import Failure

WAITING = [one.value for one in ScheduleState if one.waits]
ENDED = [one.value for one in ScheduleState if not one.waits]
_c = scheduled_messages.c


class SqlScheduledMessages:
    """`ScheduledMessages` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, message: ScheduledMessage, *, most: int) -> ScheduledMessage:
        """See `ScheduledMessages.add`."""
        mine = select(scheduled_messages).where(_c.message_id == message.message_id)
        theirs = _c.sender == message.sender, _c.state.in_(WAITING)
        crowd = select(func.count()).select_from(scheduled_messages).where(*theirs)

        async def work(connection: Statements) -> ScheduledMessage:
            kept = (await connection.execute(mine)).one_or_none()
            if kept is not None:
                return _message(kept)
            if (await connection.execute(crowd)).scalar_one() >= most:
                raise Conflict(f"{most:,} messages of yours wait already; cancel one first")
            row = {"message_id": message.message_id, **_row(message)}
            await connection.execute(insert(scheduled_messages).values(row))
            return message

        return await self._database.write(work)

    async def get(self, message: MessageId) -> ScheduledMessage | None:
        """See `ScheduledMessages.get`."""
        query = select(scheduled_messages).where(_c.message_id == message)
        found = await _found(self._database, query)
        return found[0] if found else None

    async def page(
        self,
        sender: UserId,
        *,
        state: ScheduleState | None = None,
        after: tuple[datetime, MessageId] | None = None,
        limit: int,
    ) -> Sequence[ScheduledMessage]:
        """See `ScheduledMessages.page`."""
        query = select(scheduled_messages).where(_c.sender == sender)
        if state is not None:
            query = query.where(_c.state == state.value)
        if after is not None:
            at, name = after
            later = or_(_c.send_at > at, _c.message_id > name)
            query = query.where(_c.send_at >= at, later)
        query = query.order_by(_c.send_at, _c.message_id).limit(limit)
        return await _found(self._database, query)

    async def change(self, message: ScheduledMessage) -> bool:
        """See `ScheduledMessages.change`."""
        seen = _c.message_id == message.message_id, _c.version == message.version
        row = {**_row(message), "version": message.version + 1}
        change = update(scheduled_messages).where(*seen).values(row)

        async def work(connection: Statements) -> bool:
            return bool((await connection.execute(change)).rowcount)

        return await self._database.write(work)


class SqlScheduledWork:
    """`ScheduledWork` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(
        self, at: datetime, *, limit: int, without: Collection[ConversationId] = ()
    ) -> Sequence[ScheduledMessage]:
        """See `ScheduledWork.due`."""
        query = select(scheduled_messages).where(_c.due_at <= at)
        if without:
            query = query.where(_c.conversation_id.not_in(list(without)))
        query = query.order_by(_c.due_at, _c.created_at, _c.message_id).limit(limit)
        return await _found(self._database, query)

    async def waiting(self, at: datetime) -> Waiting:
        """See `ScheduledWork.waiting`."""
        query = select(func.count(_c.due_at).label("count"), func.min(_c.due_at).label("first"))
        query = query.where(_c.due_at.is_not(None))

        async def work(connection: Statements) -> Waiting:
            row = (await connection.execute(query)).one()
            due = row.first is not None and row.first <= at
            return Waiting(count=row.count, due_since=row.first if due else None)

        return await self._database.read(work)

    async def ended(self, before: datetime, *, limit: int) -> Sequence[ScheduledMessage]:
        """See `ScheduledWork.ended`."""
        query = (
            select(scheduled_messages)
            .where(_c.state.in_(ENDED), _c.updated_at < before)
            .order_by(_c.updated_at, _c.message_id)
            .limit(limit)
        )
        return await _found(self._database, query)

    async def forget(self, messages: Collection[MessageId]) -> None:
        """See `ScheduledWork.forget`."""
        names = list(messages)

        async def work(connection: Statements) -> None:
            for start in range(0, len(names), IN_LIST):
                part = _c.message_id.in_(names[start : start + IN_LIST])
                gone = delete(scheduled_messages).where(part, _c.state.in_(ENDED))
                await connection.execute(gone)

        await self._database.write(work)


async def _found(database: Database, query: Select[Any]) -> Sequence[ScheduledMessage]:
    async def work(connection: Statements) -> Sequence[ScheduledMessage]:
        return [_message(row) for row in await connection.execute(query)]

    return await database.read(work)


def _row(message: ScheduledMessage) -> dict[str, Any]:
    error = message.error
    return {
        "sender": message.sender,
        "actor": message.actor,
        "conversation_id": message.draft.conversation_id,
        "draft": json.dumps(_draft_row(message.draft)),
        "send_at": message.send_at,
        "zone": message.zone,
        "digest": message.digest,
        "state": message.state.value,
        "version": message.version,
        "created_at": message.created_at,
        "updated_at": message.updated_at,
        "first_at": message.first_at,
        "sent_at": message.sent_at,
        "due_at": message.send_at if message.state.waits else None,
        "error_code": None if error is None else error.code,
        "error_text": None if error is None else error.text,
    }


def _draft_row(draft: Draft) -> dict[str, Any]:
    failover = draft.failover
    return {
        "payload": draft.payload.as_dict(),
        "to": draft.to,
        "channels": draft.channels,
        "reply_to": draft.reply_to,
        "metadata": dict(draft.metadata),
        "failover": failover and [failover.deliver_within, failover.read_within],
    }


def _draft(kept: dict[str, Any], message: MessageId, conversation: ConversationId) -> Draft:
    to, reply_to, failover = kept["to"], kept["reply_to"], kept["failover"]
    return Draft(
        conversation_id=conversation,
        message_id=message,
        payload=payload_from(kept["payload"]),
        to=None if to is None else tuple(map(UserId, to)),
        channels=tuple(kept["channels"]),
        reply_to=None if reply_to is None else MessageId(reply_to),
        metadata=kept["metadata"],
        failover=None
        if failover is None
        else Deadlines(deliver_within=failover[0], read_within=failover[1]),
    )


def _message(row: Row[Any]) -> ScheduledMessage:
    name = MessageId(row.message_id)
    code = row.error_code
    return ScheduledMessage(
        message_id=name,
        sender=UserId(row.sender),
        actor=None if row.actor is None else UserId(row.actor),
        draft=_draft(json.loads(row.draft), name, ConversationId(row.conversation_id)),
        send_at=row.send_at,
        zone=row.zone,
        digest=row.digest,
        state=ScheduleState(row.state),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        first_at=row.first_at,
        sent_at=row.sent_at,
        error=None if code is None else Failure(code=code, text=row.error_text),
    )
