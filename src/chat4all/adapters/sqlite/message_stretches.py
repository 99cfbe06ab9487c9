"""The times that stretches of the file hold, so that newest first needs no sorting.

Messages lie in the file in the order they were stored. That is almost the order of time, but
not where old messages were imported or came late. So of each stretch of keys it is kept from
when to when its messages are: whatever walks down the file knows what it may still meet.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

STRETCH = 64  # messages; a page reads on to the end of its stretch
TIMED_STEP = 4_096  # messages of an older file in one step, some 10 ms at most

_TIME = f"""
INSERT INTO stretch (number, oldest, newest)
SELECT key / {STRETCH}, min(created_at), max(created_at) FROM message
WHERE key > ? AND key <= ? GROUP BY 1
ON CONFLICT DO UPDATE SET
    oldest = min(oldest, excluded.oldest), newest = max(newest, excluded.newest)
"""  # noqa: S608 - the number is ours
# The + leaves the index alone: where no time is asked for, the first row is the answer.
_LOWEST = "SELECT number FROM stretch WHERE +newest >= ? ORDER BY number LIMIT 1"
_HIGHEST = "SELECT number FROM stretch WHERE +oldest <= ? ORDER BY number DESC LIMIT 1"
_NEWEST_FIRST = """
SELECT number, newest FROM stretch WHERE newest >= ? AND oldest <= ? {} ORDER BY newest DESC
"""
_BUT_NOT = "AND number NOT BETWEEN ? AND ? "


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """The stretches that may hold messages of a time; the rest does not matter."""

    lowest: int
    highest: int
    oldest: int
    newest: int


def time_step(db: sqlite3.Connection) -> bool:
    """Keep the times of the next messages that are indexed; say whether there are more."""
    [timed, indexed] = db.execute("SELECT timed.key, indexed.key FROM timed, indexed").fetchone()
    if timed >= indexed:
        return False
    until = min(indexed, timed + TIMED_STEP)
    db.execute(_TIME, (timed, until))
    db.execute("UPDATE timed SET key = ?", (until,))
    return bool(until < indexed)


def all_timed(db: sqlite3.Connection) -> bool:
    """Say whether the times of everything that is indexed are known."""
    [known] = db.execute("SELECT timed.key >= indexed.key FROM timed, indexed").fetchone()
    return bool(known)


def between(db: sqlite3.Connection, oldest: int, newest: int) -> Between | None:
    """Return the stretches that may hold messages of these times, both included."""
    lowest = db.execute(_LOWEST, (oldest,)).fetchone()
    highest = db.execute(_HIGHEST, (newest,)).fetchone()
    if lowest is None or highest is None or lowest > highest:
        return None
    return Between(lowest=lowest[0], highest=highest[0], oldest=oldest, newest=newest)


def newest_first(
    db: sqlite3.Connection, wanted: Between, *, but_not: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Yield the number and the latest time of each stretch, the latest first.

    `but_not` are the first and last numbers of those that are left out.
    """
    query = _NEWEST_FIRST.format(_BUT_NOT * len(but_not))
    return db.execute(query, (wanted.oldest, wanted.newest, *chain.from_iterable(but_not)))
