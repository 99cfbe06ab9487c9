"""Finding messages by words, with FTS5.

Indexing each message as it comes would cost about as much as storing it. So the words
are indexed in large steps, some time after; a search first catches up with the rest.
https://www.sqlite.org/fts5.html says what MATCH understands; `message_walk` finds the newest.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from chat4all.adapters.sqlite.message_file import MessageFile
from chat4all.adapters.sqlite.message_history import messages_by_key
from chat4all.adapters.sqlite.message_rows import packed, ticks
from chat4all.adapters.sqlite.message_stretches import time_step
from chat4all.adapters.sqlite.message_walk import Values, newest_keys
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Message

INDEX_DELAY = 0.5  # seconds that messages may wait to be indexed
INDEX_STEP = 4_096  # messages in one step, so that writers wait some 10 ms at most
PLACES_IN_QUERY = 200  # conversations named in the query; more are filtered from its answer

_WAITING = "SELECT max(coalesce((SELECT max(key) FROM message), 0) - key, 0) FROM indexed"
_INDEX = """
INSERT INTO message_words (rowid, place, words)
SELECT key, conversation, words FROM message
WHERE key > ? AND key <= ? AND words IS NOT NULL ORDER BY key
"""
_KEYS = "SELECT i.key FROM json_each(?) asked CROSS JOIN identity i ON i.id = asked.value"
_ALWAYS = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A search as the file is asked; times are numbers."""

    terms: str
    conversations: str
    viewer: UserId
    since: int
    until: int
    before: int
    before_id: bytes | str
    limit: int

    def values(self, places: Sequence[int]) -> Values:
        """Return the values of the query, in the conversations with these keys."""
        query = f"words : ({self.terms})"
        if len(places) <= PLACES_IN_QUERY:
            here = " OR ".join(f'"{key}"' for key in places)
            query = f"place : ({here}) AND {query}"
        return {
            "query": query,
            "places": json.dumps(places),
            "viewer": self.viewer,
            "since": self.since,
            "until": self.until,
            "latest": min(self.until - 1, self.before),
            "before": self.before,
            "before_id": self.before_id,
        }


class SqliteSearch(MessageFile):
    """SupportsSearch over the message file."""

    _timer: asyncio.TimerHandle | None = None
    _indexing = False
    _ended = False

    def _opened(self) -> None:
        super()._opened()
        self._ended = False
        self._index_soon()  # what was left when the file was closed

    def _closed(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._ended = True
        super()._closed()

    async def search(
        self,
        words: str,
        *,
        conversations: Collection[ConversationId],
        viewer: UserId,
        since: datetime | None = None,
        until: datetime | None = None,
        before: tuple[datetime, MessageId] | None = None,
        limit: int,
    ) -> Sequence[Message]:
        """Return the messages that hold every word; see the port."""
        terms = match_of(words)
        if not terms or not conversations or limit <= 0:
            return []
        await self._catch_up()
        asked = _Asked(
            terms=terms,
            conversations=json.dumps(list(conversations)),
            viewer=viewer,
            since=-_ALWAYS if since is None else ticks(since),
            until=_ALWAYS if until is None else ticks(until),
            before=_ALWAYS if before is None else ticks(before[0]),
            before_id=b"" if before is None else packed(before[1]),
            limit=limit,
        )
        return await self._read(lambda db: _search(db, asked))

    def _index_soon(self) -> None:
        """Index what was added, in a moment."""
        if not (self._indexing or self._ended):
            self._indexing = True
            self._timer = asyncio.get_running_loop().call_later(INDEX_DELAY, self._step)

    def _step(self) -> None:
        self._writer.post(index_step, self._stepped)

    def _stepped(self, more: bool | None, error: Exception | None) -> None:  # noqa: FBT001 - as the writer calls it
        if more and not self._ended:
            self._step()  # after what was submitted in between
            return
        self._indexing = False
        if error is not None:  # the next search meets it again, and tells it
            self._index_soon()

    async def _catch_up(self) -> None:
        """Index all that was there at the call; what comes meanwhile is not waited for."""
        waiting = await self._read(_waiting)
        for _ in range(0, waiting, INDEX_STEP):
            await self._writer.submit(index_step)


def match_of(words: str) -> str:
    """Return the FTS5 query for every word of `words`, the last one as a prefix.

    Each word is quoted, so that it means itself. What has no letter or digit in it is no
    word; a NUL would end the query.
    """
    terms = [word for word in words.replace("\0", " ").split() if any(map(is_word, word))]
    quoted = ['"{}"'.format(term.replace('"', '""')) for term in terms]
    return f"{' AND '.join(quoted)} *" if quoted else ""


def is_word(character: str) -> bool:
    """Say whether unicode61 takes this character for a part of a word."""
    category = unicodedata.category(character)
    return category[0] in "LN" or category == "Co"


def index_step(db: sqlite3.Connection) -> bool:
    """Index the next messages; say whether there are more."""
    waiting = _waiting(db)
    if waiting:
        [mark] = db.execute("SELECT key FROM indexed").fetchone()
        until = mark + min(waiting, INDEX_STEP)
        db.execute(_INDEX, (mark, until))
        db.execute("UPDATE indexed SET key = ?", (until,))
    return time_step(db) or waiting > INDEX_STEP


def _waiting(db: sqlite3.Connection) -> int:
    """Return how many messages are not indexed."""
    [waiting] = db.execute(_WAITING).fetchone()
    return int(waiting)


def _search(db: sqlite3.Connection, asked: _Asked) -> Sequence[Message]:
    db.execute("BEGIN")  # all queries see the same
    try:
        places = [key for (key,) in db.execute(_KEYS, (asked.conversations,))]
        if not places:
            return []
        return messages_by_key(db, newest_keys(db, asked.values(places), limit=asked.limit))
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
