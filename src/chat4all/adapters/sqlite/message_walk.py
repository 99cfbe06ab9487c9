"""The newest of what a query finds, without looking at all that it finds.

FTS5 finds messages by their place in the file, the last one first, and can be left at any
place. A walk takes what it yields; what is known of the stretches it did not come to says
whether one of them can still hold something newer than the page. Beginning another walk costs
as much as beginning a query, so after a few the query is better answered as a whole.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Mapping
from typing import Any

from chat4all.adapters.sqlite.message_rows import unpacked
from chat4all.adapters.sqlite.message_stretches import (
    STRETCH,
    Between,
    all_timed,
    between,
    newest_first,
)

MOST_WALKS = 4
NEAR = 64  # stretches between two that are better walked through than jumped over

Values = Mapping[str, Any]
"""What a query asks: `query`, `places`, `viewer`, `since`, `until`, `before` and `before_id`,
and `latest`, which nothing later can be."""

_SHOWN = """
m.created_at >= :since AND m.created_at < :until
AND (m.created_at < :before OR (m.created_at = :before AND m.id < :before_id))
AND m.conversation IN (SELECT value FROM json_each(:places))
AND NOT EXISTS (
    SELECT 1 FROM hidden
    WHERE hidden.message = m.key AND user = (SELECT key FROM identity WHERE id = :viewer)
)
"""
_FOUND = (
    "message_words w CROSS JOIN message m ON m.key = w.rowid WHERE w.message_words MATCH :query"
)
# What is not to be shown comes here as well, so that a walk can end at it.
_WALK = f"""
SELECT m.key, m.created_at, m.id, {_SHOWN} FROM {_FOUND}
AND w.rowid >= :floor AND w.rowid < :top ORDER BY w.rowid DESC
"""  # noqa: S608 - the parts are constants of ours, here and below
_SORTED = f"""
SELECT m.key FROM {_FOUND} AND {_SHOWN} ORDER BY m.created_at DESC, m.id DESC LIMIT :limit
"""  # noqa: S608


def newest_keys(db: sqlite3.Connection, values: Values, *, limit: int) -> list[int]:
    """Return the keys of the newest messages that are found, the newest first."""
    if all_timed(db):
        keys = walked_keys(db, values, limit=limit)
        if keys is not None:
            return keys
    return [key for (key,) in db.execute(_SORTED, {**values, "limit": limit})]


def walked_keys(db: sqlite3.Connection, values: Values, *, limit: int) -> list[int] | None:
    """Return the same by walks; None when they were too many."""
    wanted = between(db, values["since"], values["latest"])
    return [] if wanted is None else _Search(db, values, wanted, limit).run()


class _Page:
    """The newest so far."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._heap: list[tuple[int, str, int]] = []

    def add(self, key: int, at: int, raw_id: bytes | str) -> None:
        if not self.full:
            heapq.heappush(self._heap, (at, unpacked(raw_id), key))
        elif at >= self._heap[0][0]:
            heapq.heappushpop(self._heap, (at, unpacked(raw_id), key))

    @property
    def full(self) -> bool:
        return len(self._heap) == self._limit

    def is_before(self, newest: int) -> bool:
        """Say whether nothing as old as `newest` comes onto the page; times may be equal."""
        return self.full and self._heap[0][0] > newest

    @property
    def keys(self) -> list[int]:
        return [key for _, _, key in sorted(self._heap, reverse=True)]


class _Walk:
    """The query from the stretch `first` downwards to `floor`, as far as it was read."""

    def __init__(self, db: sqlite3.Connection, values: Values, *, first: int, floor: int) -> None:
        self.first = first
        self.floor = floor
        span = {"floor": floor * STRETCH, "top": (first + 1) * STRETCH}
        self._rows = db.execute(_WALK, {**values, **span})
        self._row = self._rows.fetchone()

    @property
    def at(self) -> int:
        """The stretch that was read last; `first + 1` before any was."""
        return self.floor if self._row is None else max(self.floor, self._row[0] // STRETCH + 1)

    def down_to(self, number: int, page: _Page) -> None:
        """Read on to the end of a stretch; while the page is not full, to that of a later one."""
        floor, end = self.floor * STRETCH, number * STRETCH
        while self._row is not None and self._row[0] >= floor:
            key, at, raw_id, shown = self._row
            if page.full and key < end:
                break
            end = min(end, key // STRETCH * STRETCH)
            if shown:
                page.add(key, at, raw_id)
            self._row = self._rows.fetchone()

    def close(self) -> None:
        self._rows.close()


class _Search:
    """One answer: stretches by time, and walks that read them."""

    def __init__(self, db: sqlite3.Connection, values: Values, wanted: Between, limit: int) -> None:
        self._db = db
        self._values = values
        self._wanted = wanted
        self._page = _Page(limit)
        self._walks: list[_Walk] = []

    def run(self) -> list[int] | None:
        try:
            while (number := self._next()) is not None:
                walk = self._begin(number)
                if walk is None:
                    return None
                walk.down_to(number, self._page)
        finally:
            for walk in self._walks:
                walk.close()
        return self._page.keys

    def _next(self) -> int | None:
        """Go on with the walks there are; return where another one is needed, if anywhere."""
        read = [(walk.at, walk.first) for walk in self._walks]
        for number, newest in newest_first(self._db, self._wanted, but_not=read):
            if self._page.is_before(newest):
                return None
            if any(walk.at <= number <= walk.first for walk in self._walks):
                continue
            walk = self._near(number)
            if walk is None:
                return number
            walk.down_to(number, self._page)
        return None

    def _near(self, number: int) -> _Walk | None:
        """Return a walk that comes by here soon."""
        for walk in self._walks:
            if max(walk.floor, walk.at - NEAR) <= number < walk.at:
                return walk
        return None

    def _begin(self, number: int) -> _Walk | None:
        """Begin one that reads what no other one has read or will read."""
        if len(self._walks) == MOST_WALKS:
            return None
        above = [walk.at - 1 for walk in self._walks if walk.at > number]
        below = [walk.first + 1 for walk in self._walks if walk.first < number]
        highest = min(above, default=self._wanted.highest)
        first = highest if highest - number <= NEAR else number
        floor = max(below, default=self._wanted.lowest)
        for walk in self._walks:
            if walk.floor <= first < walk.at:
                walk.floor = first + 1
        self._walks.append(_Walk(self._db, self._values, first=first, floor=floor))
        return self._walks[-1]
