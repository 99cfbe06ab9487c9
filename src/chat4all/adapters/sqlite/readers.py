"""Reading one SQLite file beside its writer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from chat4all.adapters.sqlite.errors import translate

T = TypeVar("T")

READERS = 2  # threads
PATIENCE = 0.01  # seconds to wait on the event loop for another process, which nobody else has then
AT_ONCE = 0.002  # seconds that a read may take there, on the average
AVERAGED = 16  # reads over which their time is averaged
REST = 10.0  # seconds in which threads read alone after that took longer


class NotAtOnce(Exception):
    """A read was not done on the event loop: let a thread do it."""


class Readers:
    """A few threads, each with a read-only connection of its own, and one for the event loop."""

    def __init__(self, path: Path, *, busy_timeout: float) -> None:
        self.pool = ThreadPoolExecutor(READERS, thread_name_prefix=f"reader {path.name}")
        self._path = path
        self._busy_timeout = busy_timeout
        self._own = threading.local()
        self._here: sqlite3.Connection | None = None
        self._all: list[sqlite3.Connection] = []
        self._time_here = 0.0
        self._not_before = 0.0

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the connection of this thread; SQLite's errors come translated."""
        try:
            return work(self._connection())
        except sqlite3.Error as error:
            told = translate(error, self._path)
            if told is error:
                raise
            raise told from error

    def run_here(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the calling thread, where that is quicker than waking another.

        Raises `NotAtOnce` when something fails or the file was slow lately; then nothing is
        known, and a thread has to be asked.
        """
        began = perf_counter()
        if began < self._not_before:
            raise NotAtOnce
        try:
            if self._here is None:
                self._here = self._open(PATIENCE)
            found = work(self._here)
        except sqlite3.Error as error:
            self._not_before = began + REST
            raise NotAtOnce from error
        # A single hiccup says little, so it counts as four slow reads at most.
        taken = min(perf_counter() - began, 4 * AT_ONCE)
        self._time_here += (taken - self._time_here) / AVERAGED
        if self._time_here > AT_ONCE:
            self._not_before, self._time_here = began + REST, 0.0
        return found

    def close(self) -> None:
        """End the threads when they have done what they were given."""
        self.pool.shutdown()
        for db in self._all:
            db.close()

    def _connection(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._own, "db", None)
        if db is None:
            db = self._own.db = self._open(self._busy_timeout)
        return db

    def _open(self, timeout: float) -> sqlite3.Connection:
        db = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        # Not mapped into memory: an error of the disk would end the process, not be told.
        db.execute("PRAGMA query_only = ON")
        self._all.append(db)
        return db
