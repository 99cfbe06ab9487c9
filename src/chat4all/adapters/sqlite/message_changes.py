"""What happened in some conversations after some position of the log.

Within a conversation the order of `seq` is that of the log. So the first message after a
position is found by halving, and a conversation in which nothing happened costs one
look-up: what is read follows from what is new, not from what is stored.
"""

from __future__ import annotations

import bisect
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping

from chat4all.adapters.sqlite.message_journal import event_of
from chat4all.adapters.sqlite.message_rows import MESSAGE, NAMES, Row, message_of
from chat4all.domain.events import Event, MessageAdded, Position
from chat4all.domain.ids import ConversationId

_MESSAGE_ENDS = """
SELECT i.key, first.partition, first.seq, last.partition, last.seq, last.offset
FROM json_each(?) asked
CROSS JOIN identity i ON i.id = asked.value
CROSS JOIN message first ON first.conversation = i.key
    AND first.seq = (SELECT min(seq) FROM message WHERE conversation = i.key)
CROSS JOIN message last ON last.conversation = i.key
    AND last.seq = (SELECT max(seq) FROM message WHERE conversation = i.key)
"""
_OFFSET = """
SELECT offset FROM message WHERE conversation = ? AND seq >= ? ORDER BY seq LIMIT 1
"""
_MESSAGES_FROM = """
SELECT partition, offset, FALSE, key FROM message
WHERE conversation = ? AND seq >= ? ORDER BY seq LIMIT ?
"""
_ALL_MESSAGES = "SELECT partition, offset, FALSE, key FROM message WHERE conversation = ?"
_MESSAGES = f"""
SELECT {MESSAGE}, m.partition, m.offset
FROM json_each(?) asked CROSS JOIN message m ON m.key = asked.value {NAMES}
"""  # noqa: S608 - the parts are constants of ours

# From one partition of a conversation's journal to the next; there is hardly ever a second.
_JOURNAL_ENDS = """
WITH RECURSIVE part (conversation, partition) AS (
    SELECT i.key, (SELECT min(partition) FROM journal WHERE conversation = i.key)
    FROM json_each(?) asked CROSS JOIN identity i ON i.id = asked.value
    UNION
    SELECT conversation, (
        SELECT min(j.partition) FROM journal j
        WHERE j.conversation = part.conversation AND j.partition > part.partition
    ) FROM part WHERE partition IS NOT NULL
)
SELECT conversation, partition, (
    SELECT max(j.offset) FROM journal j
    WHERE j.conversation = part.conversation AND j.partition = part.partition
) FROM part WHERE partition IS NOT NULL
"""
_EVENTS_AFTER = """
SELECT partition, offset, TRUE, conversation FROM journal
WHERE conversation = ? AND partition = ? AND offset > ? ORDER BY offset LIMIT ?
"""
_EVENT = """
SELECT c.id, j.partition, j.offset, j.kind, j.body
FROM journal j CROSS JOIN identity c ON c.key = j.conversation
WHERE j.conversation = ? AND j.partition = ? AND j.offset = ?
"""

# (partition, offset, whether it is in the journal, key of the message or conversation)
_Place = tuple[int, int, bool, int]


class _Earliest:
    """The `limit` earliest places of all that were offered."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._places: list[_Place] = []
        self._bound: _Place | None = None

    def take(self, ascending: Iterable[_Place]) -> None:
        """Consider places; the first one that is too late ends it."""
        for place in ascending:
            if self._bound is not None and place > self._bound:
                break
            self._places.append(place)
        if len(self._places) >= 2 * self._limit:
            self._bound = self.all()[-1]

    def all(self) -> list[_Place]:
        """Return them in order."""
        self._places.sort()
        del self._places[self._limit :]
        return self._places


def changes_after(
    db: sqlite3.Connection,
    conversations: Collection[ConversationId],
    *,
    after: Mapping[int, int],
    limit: int,
) -> list[Event]:
    """Return the first `limit` events later than `after`, in log order."""
    if limit <= 0:
        return []
    asked = json.dumps(list(dict.fromkeys(conversations)))
    # One snapshot: an edit must not come without the message it edits.
    db.execute("BEGIN")
    try:
        earliest = _Earliest(limit)
        for ascending in _added(db, asked, after, limit):
            earliest.take(ascending)
        for ascending in _journalled(db, asked, after, limit):
            earliest.take(ascending)
        return _load(db, earliest.all())
    finally:
        db.execute("ROLLBACK")


def _added(
    db: sqlite3.Connection, asked: str, after: Mapping[int, int], limit: int
) -> Iterator[Iterable[_Place]]:
    """Yield, per conversation, the places of its new messages."""
    for row in db.execute(_MESSAGE_ENDS, (asked,)).fetchall():
        conversation, old_partition, first, partition, last, offset = row
        seen = after.get(partition, -1)
        if partition != old_partition:  # the log was partitioned anew: look at each
            places = db.execute(_ALL_MESSAGES, (conversation,))
            yield sorted(place for place in places if place[1] > after.get(place[0], -1))
        elif offset > seen:
            start = _first_later(db, conversation, seen, first, last)
            yield db.execute(_MESSAGES_FROM, (conversation, start, limit))


def _first_later(
    db: sqlite3.Connection, conversation: int, seen: int, first: int, last: int
) -> int:
    """Return the first `seq` between `first` and `last` whose offset is larger than `seen`."""

    def offset(seq: int) -> int:
        [found] = db.execute(_OFFSET, (conversation, seq)).fetchone()
        return int(found)

    # Mostly it is near the end: step back from there in growing strides first.
    low, high, stride = last, last, 1
    while low > first:
        low = max(first, low - stride)
        if offset(low) <= seen:
            break
        high = low
        stride *= 4
    return low + bisect.bisect_right(range(low, high), seen, key=offset)


def _journalled(
    db: sqlite3.Connection, asked: str, after: Mapping[int, int], limit: int
) -> Iterator[Iterable[_Place]]:
    """Yield, per conversation, the places of its new events in the journal."""
    for conversation, partition, last in db.execute(_JOURNAL_ENDS, (asked,)).fetchall():
        seen = after.get(partition, -1)
        if last > seen:
            yield db.execute(_EVENTS_AFTER, (conversation, partition, seen, limit))


def _load(db: sqlite3.Connection, places: list[_Place]) -> list[Event]:
    keys = json.dumps([key for *_, journalled, key in places if not journalled])
    messages: Iterator[Row] = db.execute(_MESSAGES, (keys,))
    events: list[Event] = []
    for partition, offset, journalled, key in places:
        if journalled:
            events.append(event_of(db.execute(_EVENT, (key, partition, offset)).fetchone()))
        else:
            position = Position(partition, offset)
            events.append(MessageAdded(position=position, message=message_of(next(messages))))
    return events
