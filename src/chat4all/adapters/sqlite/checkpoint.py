"""Moving the write-ahead log into the database, beside the commits instead of inside them."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import structlog

_log = structlog.get_logger(__name__)

INTERVAL = 1.0  # seconds between two looks at the log
WORTH_IT = 4 << 20  # bytes of log below which nothing is moved
OVERGROWN = 16 << 20  # bytes of log from which it should start over


class Checkpointer:
    """A thread with its own connection that runs passive checkpoints while there are commits.

    A passive checkpoint never makes the writer wait, but as long as commits go on it never
    reaches the end either, and the log would grow without end. So when the log is long,
    `overgrown` asks the writer to move the short rest itself between two groups: then its
    next commit starts the log over. https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files
    """

    def __init__(self, path: Path) -> None:
        self.overgrown = False
        self._path = path
        self._wal = path.with_name(path.name + "-wal")
        self._dirty = False
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"checkpoint {path.name}", daemon=True
        )

    def start(self) -> None:
        """Begin; the database exists by now."""
        self._thread.start()

    def stop(self) -> None:
        """End, after a checkpoint under way."""
        self._stop.set()
        self._thread.join()

    def committed(self) -> None:
        """Note that there may be something to move."""
        self._dirty = True

    def _run(self) -> None:
        db: sqlite3.Connection | None = None
        try:
            while not self._stop.wait(INTERVAL):
                if not self._dirty or not self._long_enough():
                    continue
                self._dirty = False
                try:
                    db = db or sqlite3.connect(self._path, isolation_level=None)
                    self.overgrown = passive(db) >= OVERGROWN
                except sqlite3.Error as error:
                    _log.warning("checkpoint failed", path=self._path.name, error=str(error))
        finally:
            if db is not None:
                db.close()

    def _long_enough(self) -> bool:
        try:
            return self._wal.stat().st_size >= WORTH_IT
        except FileNotFoundError:
            return False


def passive(db: sqlite3.Connection) -> int:
    """Move what can be moved without waiting; return the bytes that the log has in use."""
    _busy, frames, _moved = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    [page] = db.execute("PRAGMA page_size").fetchone()
    return int(frames) * int(page)
