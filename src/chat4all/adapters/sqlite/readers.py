"""Reading one SQLite file beside its writer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from chat4all.adapters.sqlite.errors import translate

T = TypeVar("T")

READERS = 2  # threads


class Readers:
    """A few threads, each with a read-only connection of its own."""

    def __init__(self, path: Path, *, busy_timeout: float) -> None:
        self.pool = ThreadPoolExecutor(READERS, thread_name_prefix=f"reader {path.name}")
        self._path = path
        self._busy_timeout = busy_timeout
        self._own = threading.local()
        self._all: list[sqlite3.Connection] = []

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the connection of this thread; SQLite's errors come translated."""
        try:
            return work(self._connection())
        except sqlite3.Error as error:
            told = translate(error, self._path)
            if told is error:
                raise
            raise told from error

    def close(self) -> None:
        """End the threads when they have done what they were given."""
        self.pool.shutdown()
        for db in self._all:
            db.close()

    def _connection(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._own, "db", None)
        if db is None:
            db = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=ro",
                uri=True,
                timeout=self._busy_timeout,
                isolation_level=None,
                check_same_thread=False,
            )
            # Not mapped into memory: an error of the disk would end the process, not be told.
            db.execute("PRAGMA query_only = ON")
            self._own.db = db
            self._all.append(db)
        return db
