"""What `apply` does on the writer thread, within one transaction."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from chat4all.adapters.sqlite.message_journal import journal_row
from chat4all.adapters.sqlite.message_rows import (
    Keys,
    Row,
    content,
    content_times,
    cursor_row,
    message_row,
    packed,
    status_row,
)
from chat4all.domain.errors import StaleSequence
from chat4all.domain.events import message_concerned
from chat4all.domain.ids import MessageId
from chat4all.domain.messages import Cursor, Message
from chat4all.domain.status import Status, StatusEntry, moves_forward
from chat4all.ports.message_store import Effects, NewMessage

STATUS = (
    "message, conversation, user, channel, status, at, account, address, external_id, error, note"
)
"""The columns of `status` after its key."""
IN_ONE_QUERY = 512  # values after one IN

_ADD = """
INSERT INTO message (
    conversation, seq, id, sender, channel, words, created_at, partition, offset, digest, extras
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
_HIDE = """
INSERT INTO hidden (user, message) SELECT ?, key FROM message WHERE id = ? ON CONFLICT DO NOTHING
"""
_MOVE_CURSOR = """
INSERT INTO cursor (conversation, user, delivered, read, updated_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    delivered = max(delivered, excluded.delivered),
    read = max(read, excluded.read),
    updated_at = excluded.updated_at
WHERE excluded.delivered > delivered OR excluded.read > read
"""
_ADD_STATUS = f"INSERT INTO status ({STATUS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - the columns are ours
_ADD_EVENT = """
INSERT INTO journal (conversation, partition, offset, kind, message, body)
VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_HAS_EVENT = "SELECT 1 FROM journal WHERE conversation = ? AND partition = ? AND offset = ?"
_FIND_CONTENT = """
SELECT key, conversation, words, extras, key <= (SELECT key FROM indexed)
FROM message WHERE id = ?
"""
_CHANGE = "UPDATE message SET words = ?, extras = ? WHERE key = ?"
_FORGET_WORDS = """
INSERT INTO message_words (message_words, rowid, place, words) VALUES ('delete', ?, ?, ?)
"""
_LEARN_WORDS = "INSERT INTO message_words (rowid, place, words) VALUES (?, ?, ?)"


def apply(db: sqlite3.Connection, effects: Effects, known: Keys) -> dict[str, int]:
    """Store `effects`; return the key of every id in them.

    Raises `StaleSequence`, leaving it to the caller to roll back. `known` may lack keys,
    and holds none that was not committed.
    """
    keys = _intern(db, _ids_in(effects), known)
    if effects.added:
        _add(db, effects.added, keys)
    if effects.changed:
        _change(db, effects, keys)
    if effects.hidden:
        db.executemany(_HIDE, [(keys[user], packed(id_)) for id_, user in effects.hidden])
    if effects.cursors:
        db.executemany(_MOVE_CURSOR, [cursor_row(cursor, keys) for cursor in effects.cursors])
    if effects.statuses:
        _add_statuses(db, effects.statuses, keys)
    if effects.journal:
        db.executemany(_ADD_EVENT, [journal_row(event, keys) for event in effects.journal])
    return keys


def in_chunks(ids: Collection[MessageId]) -> Iterator[tuple[str, Sequence[Any]]]:
    """Yield `(?, ?, ...)` and its values, in few sizes so that statements are prepared once."""
    raw = [packed(id_) for id_ in ids]
    for start in range(0, len(raw), IN_ONE_QUERY):
        values: list[bytes | str | None] = [*raw[start : start + IN_ONE_QUERY]]
        size = max(8, 1 << (len(values) - 1).bit_length())
        values.extend([None] * (size - len(values)))
        yield f"({', '.join('?' * size)})", values


def _ids_in(effects: Effects) -> set[str]:
    ids: set[str] = {user for _, user in effects.hidden}
    for new in effects.added:
        ids.add(new.message.conversation_id)
        ids.add(new.message.sender)
    of_both: Sequence[Cursor | StatusEntry] = [*effects.cursors, *effects.statuses]
    for entry in of_both:
        ids.add(entry.conversation_id)
        ids.add(entry.user_id)
    ids.update(event.conversation_id for event in effects.journal)
    return ids


def _intern(db: sqlite3.Connection, ids: Collection[str], known: Keys) -> dict[str, int]:
    keys: dict[str, int] = {}
    missing: list[str] = []
    for id_ in ids:
        key = known.get(id_)
        if key is None:
            missing.append(id_)
        else:
            keys[id_] = key
    if missing:
        # Sorted, so ids that follow time are appended to the index in order.
        missing.sort()
        new = [(id_,) for id_ in missing]
        db.executemany("INSERT INTO identity (id) VALUES (?) ON CONFLICT DO NOTHING", new)
        for one in new:
            [keys[one[0]]] = db.execute("SELECT key FROM identity WHERE id = ?", one).fetchone()
    return keys


def _add(db: sqlite3.Connection, added: Sequence[NewMessage], keys: Keys) -> None:
    rows = [message_row(new, keys) for new in added]
    if db.executemany(_ADD, rows).rowcount == len(rows):
        return
    stored = _places(db, [new.message.message_id for new in added])
    for new, row in zip(added, rows, strict=True):
        if stored.get(row[2]) != (row[0], row[1], new.digest):
            message = new.message
            raise StaleSequence(
                f"message {message.message_id} or seq {message.seq} of conversation "
                f"{message.conversation_id} is taken: read the head again and retry"
            )


def _places(
    db: sqlite3.Connection, ids: Collection[MessageId]
) -> Mapping[bytes | str, tuple[int, int, str]]:
    found: dict[bytes | str, tuple[int, int, str]] = {}
    for marks, values in in_chunks(ids):
        query = f"SELECT id, conversation, seq, digest FROM message WHERE id IN {marks}"  # noqa: S608 - marks are ours
        found.update((row[0], row[1:]) for row in db.execute(query, values))
    return found


def _change(db: sqlite3.Connection, effects: Effects, keys: Keys) -> None:
    events: defaultdict[MessageId, list[Row]] = defaultdict(list)
    for event in effects.journal:
        concerned = message_concerned(event)
        if concerned is not None:
            place = (keys[event.conversation_id], event.position.partition, event.position.offset)
            events[concerned].append(place)
    for message in effects.changed:
        row = db.execute(_FIND_CONTENT, (packed(message.message_id),)).fetchone()
        if row is not None and _is_news(db, message, row[3], events.get(message.message_id)):
            _replace(db, row, content(message))


def _is_news(
    db: sqlite3.Connection, message: Message, extras: bytes | None, events: list[Row] | None
) -> bool:
    """Say whether a change is not a repeat of one that was stored, and perhaps followed."""
    if events:
        return any(db.execute(_HAS_EVENT, place).fetchone() is None for place in events)
    edited_at, deleted_at = content_times(extras)
    if deleted_at is not None and message.deleted_at is None:
        return False
    return edited_at is None or (message.edited_at is not None and message.edited_at >= edited_at)


def _replace(db: sqlite3.Connection, row: Row, now: tuple[str | None, bytes | None]) -> None:
    key, conversation, before, _, indexed = row
    words, extras = now
    db.execute(_CHANGE, (words, extras, key))
    if not indexed or words == before:
        return
    if before is not None:
        db.execute(_FORGET_WORDS, (key, conversation, before))
    if words is not None:
        db.execute(_LEARN_WORDS, (key, conversation, words))


_Attempt = tuple[bytes | str, int, str]


def _add_statuses(db: sqlite3.Connection, entries: Sequence[StatusEntry], keys: Keys) -> None:
    latest: dict[_Attempt, Status] = {}
    facts: set[Row] = set()
    ids: set[MessageId] = {entry.message_id for entry in entries}
    for fact in status_facts(db, ids):
        facts.add(fact)
        latest[(fact[0], fact[2], fact[3])] = Status(fact[4])
    new: list[Row] = []
    for entry in entries:
        row = status_row(entry, keys)
        attempt = (row[0], row[2], row[3])
        if row not in facts and moves_forward(latest.get(attempt), entry.status):
            facts.add(row)
            latest[attempt] = entry.status
            new.append(row)
    db.executemany(_ADD_STATUS, new)


def status_facts(db: sqlite3.Connection, ids: Collection[MessageId]) -> Iterator[Row]:
    """Yield the rows of `status` without their key, oldest first within a message."""
    for marks, values in in_chunks(ids):
        query = f"SELECT {STATUS} FROM status WHERE message IN {marks} ORDER BY key"  # noqa: S608 - marks are ours
        yield from db.execute(query, values)
