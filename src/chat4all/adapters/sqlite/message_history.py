"""Reading conversations. https://www.sqlite.org/json1.html#jeach carries lists of ids."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence

from chat4all.adapters.sqlite.message_apply import in_chunks
from chat4all.adapters.sqlite.message_changes import changes_after
from chat4all.adapters.sqlite.message_file import MessageFile
from chat4all.adapters.sqlite.message_journal import CURSOR_MOVED, event_of
from chat4all.adapters.sqlite.message_rows import (
    MESSAGE,
    NAMES,
    Row,
    cursor_of,
    message_of,
    packed,
    status_of,
    time_of,
)
from chat4all.domain.events import CursorMoved, Event
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor, Message
from chat4all.domain.status import StatusEntry
from chat4all.ports.message_store import Summary

UNREAD_LIMIT = 1_000
_END = 2**63 - 1

_NOT_HIDDEN = """
NOT EXISTS (
    SELECT 1 FROM hidden
    WHERE hidden.message = m.key AND user = (SELECT key FROM identity WHERE id = :viewer)
)
"""
_PAGE = f"""
SELECT {MESSAGE} FROM message m {NAMES}
WHERE m.conversation = (SELECT key FROM identity WHERE id = :conversation)
    AND m.seq > :after AND m.seq < :before AND {_NOT_HIDDEN}
ORDER BY m.seq
"""  # noqa: S608 - the parts are constants of ours, here and below
_FIRST = f"{_PAGE} LIMIT :limit"
_LAST = f"{_PAGE} DESC LIMIT :limit"

_SUMMARY = f"""
SELECT
    i.id,
    last.seq,
    last.created_at,
    (SELECT count(*) FROM (
        SELECT 1 FROM message m
        WHERE m.conversation = i.key
            AND m.seq > coalesce(
                (SELECT read FROM cursor WHERE conversation = i.key AND user = me.key), 0
            )
            AND m.sender IS NOT me.key
        LIMIT {UNREAD_LIMIT}
    )),
    (SELECT m.key FROM message m
     WHERE m.conversation = i.key AND {_NOT_HIDDEN} ORDER BY m.seq DESC LIMIT 1)
FROM json_each(:conversations) asked
CROSS JOIN identity i ON i.id = asked.value
CROSS JOIN message last ON last.conversation = i.key
    AND last.seq = (SELECT max(seq) FROM message WHERE conversation = i.key)
LEFT JOIN identity me ON me.id = :viewer
"""  # noqa: S608
_BY_KEYS = f"""
SELECT {MESSAGE} FROM json_each(?) asked CROSS JOIN message m ON m.key = asked.value {NAMES}
"""  # noqa: S608
_CURSORS = """
SELECT c.id, u.id, delivered, read, updated_at
FROM identity c
CROSS JOIN cursor ON conversation = c.key
CROSS JOIN identity u ON u.key = cursor.user
WHERE c.id = ?
ORDER BY u.id
"""
_COVERING = """
SELECT count(*) FILTER (WHERE delivered >= :seq), count(*) FILTER (WHERE read >= :seq)
FROM cursor WHERE conversation = (SELECT key FROM identity WHERE id = :conversation)
"""
# A cursor covers a message after the message was added: what came before is passed over.
_MOVES = """
WITH here AS (SELECT key FROM identity WHERE id = :conversation),
added AS (
    SELECT partition, offset FROM message
    WHERE conversation = (SELECT key FROM here) AND seq = :seq
)
SELECT :conversation, j.partition, j.offset, j.kind, j.body FROM journal j
LEFT JOIN added ON added.partition = j.partition
WHERE j.conversation = (SELECT key FROM here) AND j.kind = :kind
    AND j.offset > coalesce(added.offset, -1)
ORDER BY j.partition, j.offset
"""
_JOURNAL_OF = """
SELECT c.id, j.partition, j.offset, j.kind, j.body
FROM message m
CROSS JOIN identity c ON c.key = m.conversation
CROSS JOIN journal j ON j.conversation = m.conversation AND j.message = m.id
WHERE m.id = ?
ORDER BY j.partition, j.offset
"""


class SqliteHistory(MessageFile):
    """MessageHistory and SupportsMoments over the message file."""

    async def page(
        self,
        conversation: ConversationId,
        *,
        viewer: UserId,
        after_seq: int | None = None,
        before_seq: int | None = None,
        limit: int,
    ) -> Sequence[Message]:
        """Return one page; see the port."""
        values = {
            "conversation": conversation,
            "viewer": viewer,
            "after": 0 if after_seq is None else after_seq,
            "before": _END if before_seq is None else before_seq,
            "limit": max(limit, 0),
        }
        query = _LAST if after_seq is None else _FIRST
        found = await self._read(lambda db: [message_of(row) for row in db.execute(query, values)])
        return found[::-1] if after_seq is None else found

    async def summaries(
        self, user: UserId, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, Summary]:
        """Return what a list of conversations shows; see the port."""
        values = {"viewer": user, "conversations": json.dumps(list(conversations))}
        return await self._read(lambda db: _summaries(db, values))

    async def conversation_cursors(self, conversation: ConversationId) -> Sequence[Cursor]:
        """Return the cursors of a conversation; see the port."""
        return await self._read(
            lambda db: [cursor_of(row) for row in db.execute(_CURSORS, (conversation,))]
        )

    async def statuses(self, messages: Collection[MessageId]) -> Sequence[StatusEntry]:
        """Return the status entries of these messages; see the port."""
        return await self._read(lambda db: _statuses(db, set(messages)))

    async def changes(
        self, conversations: Collection[ConversationId], *, after: Mapping[int, int], limit: int
    ) -> Sequence[Event]:
        """Return what happened later than `after`; see the port."""
        return await self._read(
            lambda db: changes_after(db, conversations, after=after, limit=limit)
        )

    async def cursor_history(
        self, conversation: ConversationId, *, covering_seq: int
    ) -> Sequence[Cursor]:
        """Return who first received and read up to `covering_seq`; see the port."""
        return await self._read(lambda db: _cursor_history(db, conversation, covering_seq))

    async def journal_of(self, message: MessageId) -> Sequence[Event]:
        """Return the events that concern one message; see the port."""
        return await self._read(
            lambda db: [event_of(row) for row in db.execute(_JOURNAL_OF, (packed(message),))]
        )


def messages_by_key(db: sqlite3.Connection, keys: Collection[int]) -> Sequence[Message]:
    """Return the messages with these keys, in the order given."""
    return [message_of(row) for row in db.execute(_BY_KEYS, (json.dumps(list(keys)),))]


def _summaries(
    db: sqlite3.Connection, values: Mapping[str, str]
) -> Mapping[ConversationId, Summary]:
    rows = db.execute(_SUMMARY, values).fetchall()
    shown = messages_by_key(db, [row[4] for row in rows if row[4] is not None])
    last = {message.conversation_id: message for message in shown}
    return {
        conversation: Summary(
            conversation_id=conversation,
            max_seq=max_seq,
            unread=unread,
            last_message=last.get(conversation),
            last_activity=time_of(active),
        )
        for conversation, max_seq, active, unread, _ in rows
    }


def _statuses(db: sqlite3.Connection, messages: Collection[MessageId]) -> list[StatusEntry]:
    found: list[Row] = []
    for marks, values in in_chunks(messages):
        query = f"""
            SELECT status.key, message, c.id, u.id, channel, status, at, account, address,
                external_id, error, note
            FROM status
            CROSS JOIN identity c ON c.key = conversation
            CROSS JOIN identity u ON u.key = user
            WHERE message IN {marks}
        """  # noqa: S608
        found.extend(db.execute(query, values))
    return [status_of(row[1:]) for row in sorted(found)]


def _cursor_history(db: sqlite3.Connection, conversation: ConversationId, seq: int) -> list[Cursor]:
    values = {"conversation": conversation, "seq": seq, "kind": CURSOR_MOVED}
    # Cursors never move back, so these many are to be found, and then the rest can be left.
    to_receive, to_read = db.execute(_COVERING, values).fetchone()
    received: set[UserId] = set()
    read: set[UserId] = set()
    history = []
    for row in db.execute(_MOVES, values):
        if len(received) == to_receive and len(read) == to_read:
            break
        event = event_of(row)
        assert isinstance(event, CursorMoved)  # noqa: S101 - the query asks for no other kind
        after = event.after
        news = False
        if after.last_delivered_seq >= seq and after.user_id not in received:
            received.add(after.user_id)
            news = True
        if after.last_read_seq >= seq and after.user_id not in read:
            read.add(after.user_id)
            news = True
        if news:
            history.append(after)
    return history
