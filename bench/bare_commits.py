"""What batches are measured against: the rows of their messages, committed in groups by SQLite.

The table is the product's, with its indexes; so are the settings of the file. The rows are
inserted by one prepared statement and looked at by nobody.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from time import perf_counter, time

from bench.contents import BATCH
from chat4all.adapters.sqlite.message_schema import make_schema
from chat4all.domain.ids import new_id

_SETTINGS = ("journal_mode = WAL", "synchronous = FULL", "cache_size = -32768")
_INSERT = """INSERT INTO message
(conversation, seq, id, sender, channel, words, created_at, partition, offset, digest, extras)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

Row = tuple[int, int, bytes, int, str, str, int, int, int, str, None]


def committed(path: Path, seconds: float, batches: int, text: str) -> float:
    """Commit that many batches at a time for so long; return the rows a second."""
    done = 0
    with closing(opened(path)) as db:
        began = perf_counter()
        while (took := perf_counter() - began) < seconds:
            commit(db, done, batches, text)
            done += batches * BATCH
    return done / took


def opened(path: Path) -> sqlite3.Connection:
    """Open a new file with the product's tables, in which each COMMIT waits for the disk."""
    db = sqlite3.connect(path, isolation_level=None)
    for setting in _SETTINGS:
        db.execute(f"PRAGMA {setting}")
    make_schema(db)
    return db


def commit(db: sqlite3.Connection, done: int, batches: int, text: str) -> None:
    """Insert a batch in each of so many conversations, and commit; `done` rows are there."""
    db.execute("BEGIN")
    for place in range(batches):
        db.executemany(_INSERT, rows(place, done // batches + 1, text, done + place * BATCH))
    db.execute("COMMIT")


def rows(place: int, first: int, text: str, offset: int) -> list[Row]:
    """Return a batch in a conversation, numbered from `first`, of the size of the product's."""
    now = round(time() * 1e6)
    return [
        (
            place,
            first + number,
            bytes.fromhex(new_id().replace("-", "")),
            place,
            "internal",
            text,
            now,
            0,
            offset + number,
            f"{offset + number:032x}",
            None,
        )
        for number in range(BATCH)
    ]
