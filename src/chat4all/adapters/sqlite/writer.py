"""One writer thread per database file, with group commit.

Works are handed in on the event loop, run in order on the thread, and answered together
after the COMMIT that makes them durable. While one group waits for the disk the next one
gathers, so a busy file pays for one fsync per group and an idle one for one per work.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Self, TypeVar

from chat4all.adapters.sqlite.checkpoint import Checkpointer, passive
from chat4all.adapters.sqlite.damage import check
from chat4all.adapters.sqlite.errors import code_of, translate
from chat4all.adapters.sqlite.readers import NotAtOnce, Readers
from chat4all.domain.errors import BadSettings, SchemaTooNew, Unavailable

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
Settle = Callable[[Any, Exception | None], None]
_Item = tuple[Work[Any], Settle]
_Outcome = tuple[Settle, Any, Exception | None]

BUSY_TIMEOUT = 5.0  # seconds to wait for another process that writes
INLINE_PATIENCE = 0.01  # the same on the event loop, which nobody else has meanwhile
_AVERAGED = 16  # commits over which their time is averaged
GROUP_LIMIT = 4096  # works in one transaction
TRIAL = 5  # commits by which the disk is judged when a file is opened

_UNSOUND = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA cache_size = -32768",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA foreign_keys = ON",
)


class _Held(Exception):
    """Another process writes, or the file has to be opened anew: nothing for the event loop."""


class Writer:
    """The only writer of one SQLite file in this process.

    `setup` makes the schema inside one transaction when the file is opened: it must do no
    harm when repeated, and must not use `executescript` (which commits). `version` is kept
    in `PRAGMA user_version`; a file with a larger one is refused with `SchemaTooNew`.
    Entering raises `StorageCorrupt` for a damaged file and `BadSettings` for a path that
    cannot be opened. Leaving finishes what was submitted, then closes.

    With `inline_below` (seconds), groups are committed on the event loop itself as long as
    a commit takes less than that: where the disk answers at once, waking a thread costs
    more than the commit. Measured when the file is opened; when commits become slower, or
    another process has the file locked, the thread takes over for good.
    """

    def __init__(
        self,
        path: Path,
        setup: Callable[[sqlite3.Connection], None],
        *,
        version: int = 1,
        page_size: int = 4096,
        inline_below: float = 0.0,
    ) -> None:
        self.path = path
        self.rollbacks = 0
        """How often work was undone: on the writer thread, a copy of what the file holds is
        worth nothing once this has changed."""
        self._setup = setup
        self._version = version
        self._page_size = page_size
        self._inline_below = inline_below
        self._inline = False
        self._gathered: list[_Item] = []
        self._commit_time = 0.0
        # Its put() wakes the thread only when it sleeps, in C and without a lock of ours.
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self.is_open = False
        """Whether works are taken."""
        self._sound = True
        self._checkpointer = Checkpointer(path)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._readers = Readers(self.path, busy_timeout=BUSY_TIMEOUT)
        started: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(
            target=self._run, args=(started,), name=f"writer {self.path.name}", daemon=True
        )
        self._thread.start()
        await started
        self.is_open = True
        self._checkpointer.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.is_open = False
        self._run_inline()
        await asyncio.to_thread(self._stop)
        # What the last group scheduled on the loop comes before anything that follows us.
        await asyncio.sleep(0)

    def submit(self, work: Work[T]) -> asyncio.Future[T]:
        """Run `work` in the next group; the future holds its result once that is durable.

        Call it on the event loop. Works run in the order they were submitted. `work` must
        leave transactions alone and may be run a second time after a rollback (when
        another work of its group failed), so it should keep its changes in the database or
        in what it returns. What it raises reaches its own future alone, SQLite's errors as
        those of `chat4all.domain.errors`. When the COMMIT fails, every future of the group
        gets the error and nothing was kept. Cancelling the future leaves the outcome open.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        self.post(work, partial(_settle, future))
        return future

    def post(self, work: Work[T], settle: Callable[[T, Exception | None], None]) -> None:
        """Do as `submit`, and call `settle(result, error)` on the loop instead of a future.

        `settle` must not raise.
        """
        if not self.is_open:
            raise Unavailable(f"{self.path.name} is closed")
        if not self._inline:
            self._queue.put((work, settle))
            return
        self._gathered.append((work, settle))
        if len(self._gathered) == 1:
            self._loop.call_soon(self._run_inline)

    async def read(self, work: Work[T], *, brief: bool = False) -> T:
        """Run `work` on a read-only connection in another thread; sees what was committed.

        One that is `brief` runs on the event loop as long as the file answers at once.
        """
        if not self.is_open:
            raise Unavailable(f"{self.path.name} is closed")
        if brief:
            with contextlib.suppress(NotAtOnce):
                return self._readers.run_here(work)
        return await self._loop.run_in_executor(self._readers.pool, self._readers.run, work)

    def _stop(self) -> None:
        # The writer goes last: who closes last moves the write-ahead log into the file.
        self._checkpointer.stop()
        self._readers.close()
        self._queue.put(None)
        self._thread.join()

    def _run(self, started: asyncio.Future[None]) -> None:
        try:
            self._db = self._connect()
            check(self._db, self.path)
            if self._inline_below > 0:
                self._commit_time = self._trial()
                self._inline = self._commit_time < self._inline_below
                if self._inline:
                    self._wait_for_locks(INLINE_PATIENCE)
        except Exception as error:  # noqa: BLE001 - whatever it is, the opener is told
            self._loop.call_soon_threadsafe(_settle, started, None, self._refused(error))
            return
        self._loop.call_soon_threadsafe(_settle, started, None, None)
        try:
            while group := self._next_group():
                self._deliver(self._transact(group))
                self._checkpoint()
        finally:
            self._db.close()

    def _run_inline(self) -> None:
        """On the loop, while the thread sleeps: it has the connection only when not `_inline`."""
        if not self._gathered:
            return
        group, self._gathered = self._gathered, []
        try:
            outcomes = self._transact(group)
        except _Held:
            self._hand_over(group)
            return
        self._checkpointer.committed()
        self._checkpoint()
        if self._commit_time >= self._inline_below:
            self._hand_over([])
        _settle_all(outcomes)

    def _hand_over(self, group: list[_Item]) -> None:
        """Leave the connection to the thread for good, and to it what is not done."""
        self._inline = False
        if self._sound:  # else the thread opens the file anew
            self._wait_for_locks(BUSY_TIMEOUT)
        for item in group:
            self._queue.put(item)

    def _wait_for_locks(self, seconds: float) -> None:
        self._db.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")

    def _trial(self) -> float:
        """Return how many seconds a commit takes here."""
        times: list[float] = []
        for _ in range(TRIAL):
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(f"PRAGMA user_version = {self._version}")
            start = perf_counter()
            self._db.execute("COMMIT")
            times.append(perf_counter() - start)
        return sorted(times)[TRIAL // 2]

    def _next_group(self) -> list[_Item]:
        """Wait for one work, and take what else is there; empty means the end."""
        item = self._queue.get()
        group: list[_Item] = []
        while item is not None:
            group.append(item)
            if len(group) == GROUP_LIMIT or self._queue.empty():
                return group
            item = self._queue.get_nowait()
        if group:
            self._queue.put(None)
        return group

    def _transact(self, group: list[_Item]) -> list[_Outcome]:
        """Run the group plainly; only when something fails, again with savepoints.

        Raises `_Held` on the event loop where it would have to wait; nothing was done then.
        """
        if self._inline and not self._sound:
            raise _Held
        try:
            return self._commit(group, _plainly)
        except Exception as error:  # noqa: BLE001 - any error of a work belongs to its caller
            self._recover(error)
            if self._inline and code_of(error) == sqlite3.SQLITE_BUSY:
                raise _Held from None
            if len(group) == 1 or code_of(error) == sqlite3.SQLITE_BUSY:  # nothing was tried
                return self._all_failed(group, error)
        try:
            return self._commit(group, self._one_by_one)
        except Exception as error:  # noqa: BLE001 - the same
            self._recover(error)
            return self._all_failed(group, error)

    def _commit(
        self, group: list[_Item], run: Callable[[sqlite3.Connection, list[_Item]], list[_Outcome]]
    ) -> list[_Outcome]:
        if not self._sound:
            self._reconnect()
        self._db.execute("BEGIN IMMEDIATE")
        outcomes = run(self._db, group)
        start = perf_counter()
        self._db.execute("COMMIT")
        # A single hiccup says little, so it counts as four slow commits at most.
        taken = min(perf_counter() - start, 4 * self._inline_below)
        self._commit_time += (taken - self._commit_time) / _AVERAGED
        return outcomes

    def _one_by_one(self, db: sqlite3.Connection, group: list[_Item]) -> list[_Outcome]:
        outcomes: list[_Outcome] = []
        for work, settle in group:
            db.execute("SAVEPOINT work")
            try:
                outcomes.append((settle, work(db), None))
            except Exception as error:
                if not db.in_transaction:  # SQLite rolled everything back: nobody was kept
                    raise
                db.execute("ROLLBACK TO work")
                self.rollbacks += 1
                outcomes.append((settle, None, self._translated(error)))
            db.execute("RELEASE work")
        return outcomes

    def _all_failed(self, group: list[_Item], error: Exception) -> list[_Outcome]:
        return [(settle, None, self._translated(error)) for _, settle in group]

    def _recover(self, error: Exception) -> None:
        """Leave nothing of the group behind.

        After an I/O error what the connection believes of the file may be wrong (a failed
        fsync drops the pages it could not write), so the next group starts anew from what
        is there.
        """
        self.rollbacks += 1
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except sqlite3.Error:
            self._sound = False
        if code_of(error) in _UNSOUND:
            self._sound = False

    def _reconnect(self) -> None:
        self._db.close()
        self._db = self._connect()
        self._sound = True

    def _translated(self, error: Exception) -> Exception:
        if not isinstance(error, sqlite3.Error):
            return error
        told = translate(error, self.path)
        told.__cause__ = None if told is error else error
        return told

    def _deliver(self, outcomes: list[_Outcome]) -> None:
        self._checkpointer.committed()
        try:
            self._loop.call_soon_threadsafe(_settle_all, outcomes)
        except RuntimeError:
            # The loop was closed before us: nobody is left to be told.
            self.is_open = False

    def _checkpoint(self) -> None:
        if not self._checkpointer.overgrown:
            return
        self._checkpointer.overgrown = False
        try:
            passive(self._db)
        except sqlite3.Error as error:
            self._recover(error)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self.path,
            timeout=BUSY_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            self._prepare(db)
        except Exception:
            db.close()
            raise
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        db.execute(f"PRAGMA page_size = {self._page_size}")
        [version] = db.execute("PRAGMA user_version").fetchone()
        if version > self._version:
            raise SchemaTooNew(
                f"{self.path} has schema {version} and this program knows {self._version}: "
                "start the newer program that wrote it"
            )
        for setting in _SETTINGS:
            db.execute(setting)
        db.execute("BEGIN IMMEDIATE")
        self._setup(db)
        if version != self._version:
            db.execute(f"PRAGMA user_version = {self._version}")
        db.execute("COMMIT")

    def _refused(self, error: Exception) -> Exception:
        if code_of(error) in {
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_READONLY,
        }:
            return BadSettings(f"cannot open {self.path}: {error}; is the folder there, and ours?")
        return self._translated(error)


def _plainly(db: sqlite3.Connection, group: list[_Item]) -> list[_Outcome]:
    return [(settle, work(db), None) for work, settle in group]


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():  # the caller went away
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _settle_all(outcomes: list[_Outcome]) -> None:
    for settle, result, error in outcomes:
        settle(result, error)
