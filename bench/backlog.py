"""How many messages wait to be stored: those answered, without the rows that are there."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

LOOK = 0.05
"""Seconds between two looks."""


@dataclass(slots=True)
class Backlog:
    """What was seen; `most` is None where nobody looked."""

    most: int | None = None


@asynccontextmanager
async def watched(path: str, answered: Callable[[], int]) -> AsyncIterator[Backlog]:
    """Look until the block ends; without a `path` to the file of messages at nothing.

    `answered` returns how many messages were answered since the block began. The product
    must have stored all earlier ones by then.
    """
    seen = Backlog()
    if not path:
        yield seen
        return
    with closing(_opened(path)) as db:
        looking = asyncio.ensure_future(_look(db, answered, seen))
        await asyncio.sleep(0)  # it counts what is there before anything is sent
        try:
            yield seen
        finally:
            looking.cancel()
            await asyncio.wait([looking])
    if not looking.cancelled() and (error := looking.exception()) is not None:
        raise error


def _opened(path: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True)


async def _look(db: sqlite3.Connection, answered: Callable[[], int], seen: Backlog) -> None:
    before, seen.most = rows(db), 0
    while True:
        waiting = answered() - (rows(db) - before)
        seen.most = max(seen.most, waiting)
        await asyncio.sleep(LOOK)


def rows(db: sqlite3.Connection) -> int:
    """Return how many messages are stored: rows are only ever appended, and none is removed."""
    [(last,)] = db.execute("SELECT coalesce(max(key), 0) FROM message")
    return int(last)
