"""The log in one SQLite file: what is appended at one moment shares one commit and one row."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from chat4all.adapters.sqlite import log_file
from chat4all.adapters.sqlite.log_consumer import SqliteConsumer
from chat4all.adapters.sqlite.log_file import Census, LogWriter, Written
from chat4all.adapters.sqlite.log_tail import Tail
from chat4all.adapters.sqlite.writer import Writer
from chat4all.domain.errors import Chat4AllError, InvalidInput, Unavailable
from chat4all.domain.events import Position
from chat4all.ports.event_log import Consumer, LogRecord, Record
from chat4all.ports.moving import Survey

_log = structlog.get_logger(__name__)

INLINE_BELOW = 0.0005  # seconds of a commit that cost the loop less than waking a thread
POLL = 0.05  # seconds between two looks at what another process appended

_Commit = tuple[str, str, int, int]  # reader, stream, partition, offset


class SqliteEventLog:
    """An `EventLog` with `SupportsRead` and `SupportsTrim`, in one file of its own.

    `partitions` (up to 1,024) must stay what it was for a key to keep its order; with one
    process one is best. With `shared`, records that another process appends to the same
    file are noticed within `POLL` seconds; without it that process's records are kept
    rightly and seen at the latest after a restart.
    """

    def __init__(self, path: Path, *, partitions: int = 1, shared: bool = False) -> None:
        self._writer = Writer(
            path,
            log_file.set_up,
            version=log_file.VERSION,
            inline_below=0.0 if shared else INLINE_BELOW,
        )
        self._file = LogWriter(min(max(partitions, 1), log_file.PARTITION_LIMIT))
        self._shared = shared
        self._calls: deque[tuple[Sequence[Record], asyncio.Future[Sequence[Position]]]] = deque()
        self._commits: deque[tuple[_Commit, asyncio.Future[None]]] = deque()
        self._posted = False
        self._tails: dict[str, dict[int, Tail]] = {}
        self._committed: dict[tuple[str, str], dict[int, int]] = {}
        self._consumers: dict[str, set[SqliteConsumer]] = {}
        self._owners: dict[tuple[str, str], asyncio.Lock] = {}

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._writer)
            await self._look()
            if self._shared:
                watching = asyncio.create_task(self._watch())
                stack.push_async_callback(_cancel, watching)
            self._close = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close.aclose()

    async def append(self, records: Sequence[Record]) -> Sequence[Position]:
        """See `EventLog.append`. Callers that wait at the same time share a commit."""
        if not records:
            return []
        for record in records:
            if not record.key.isascii():
                _check_key(record.key)
        future: asyncio.Future[Sequence[Position]] = self._loop.create_future()
        self._calls.append((tuple(records), future))
        if not self._posted:
            self._post()
        return await future

    def consume(self, stream: str, group: str) -> AbstractAsyncContextManager[Consumer]:
        """See `EventLog.consume`."""
        return self._consume(stream, group)

    async def ends(self, stream: str) -> Sequence[Position]:
        """See `EventLog.ends`; a partition that was trimmed empty still tells its last one."""
        if self._shared:
            await self._look()
        tails = self._tails.get(stream, {})
        return [Position(number, tails[number].end - 1) for number in sorted(tails)]

    def done(self, stream: str, group: str) -> Sequence[Position]:
        """See `EventLog.done`."""
        done = self._committed.get((stream, group), {})
        return [Position(part, offset) for part, offset in sorted(done.items()) if offset >= 0]

    def backlog(self, stream: str, group: str) -> int:
        """See `EventLog.backlog`."""
        done = self._committed.get((stream, group), {})
        return sum(
            max(0, tail.end - max(tail.start, done.get(number, -1) + 1))
            for number, tail in self._tails.get(stream, {}).items()
        )

    async def read(self, stream: str, *, after: Position | None, limit: int) -> Sequence[LogRecord]:
        """See `SupportsRead.read`."""
        where = (stream, after.partition if after else 0)
        offset = after.offset + 1 if after else 0
        found = await self._writer.read(
            lambda db: log_file.read_from(db, where, offset, limit=limit)
        )
        return found[:limit]

    async def trim(self, stream: str, *, before: datetime) -> int:
        """See `SupportsTrim.trim`. Works by whole rows, so it may leave a few that could go."""

        def work(db: sqlite3.Connection) -> tuple[int, Census]:
            known = log_file.census(db)
            up_to = _committed_by_all(known, stream)
            dropped = log_file.trim(db, stream, before=before, up_to=up_to)
            return dropped, log_file.census(db)

        dropped, left = await self._writer.submit(work)
        self._absorb(left)
        return dropped

    async def streams(self) -> Sequence[str]:
        """See `SupportsSurvey.streams`."""
        known = await self._writer.read(log_file.census)
        return sorted({name for name, _ in (*known.extents, *known.committed)})

    async def survey(self, stream: str) -> Survey:
        """See `SupportsSurvey.survey`. Readers in other processes are not known."""
        known = await self._writer.read(log_file.census)
        here = {part: one for (name, part), one in known.extents.items() if name == stream}
        return Survey(
            starts={part: one.start for part, one in here.items()},
            ends={part: one.end - 1 for part, one in here.items()},
            done={group: done for (name, group), done in known.committed.items() if name == stream},
            readers=len(self._consumers.get(stream, ())),
        )

    def _post(self) -> None:
        if not self._writer.is_open:
            self._calls.clear()
            raise Unavailable("the log is closed")
        self._posted = True
        flush = _Flush(self)
        self._writer.post(flush.write, flush.settle)

    @asynccontextmanager
    async def _consume(self, stream: str, group: str) -> AsyncIterator[Consumer]:
        # From now on the group is known, and trimming waits for it.
        await self._commit((group, stream, 0, -1))
        tails = self._tails.setdefault(stream, {})

        async def committed() -> Mapping[int, int]:
            known = await self._writer.read(log_file.census)
            return known.committed.get((stream, group), {})

        async def read_file(partition: int, offset: int, limit: int) -> list[LogRecord]:
            return await self._writer.read(
                lambda db: log_file.read_from(db, (stream, partition), offset, limit=limit)
            )

        consumer = SqliteConsumer(
            tails=tails,
            owner=self._owners.setdefault((stream, group), asyncio.Lock()),
            committed=committed,
            read_file=read_file,
            commit=lambda position: self._commit(
                (group, stream, position.partition, position.offset)
            ),
        )
        self._consumers.setdefault(stream, set()).add(consumer)
        try:
            yield consumer
        finally:
            self._consumers[stream].discard(consumer)
            consumer.release()

    async def _commit(self, commit: _Commit) -> None:
        future: asyncio.Future[None] = self._loop.create_future()
        self._commits.append((commit, future))
        if not self._posted:
            self._post()
        await future

    def _believe(self, written: Written) -> None:
        """Hand over what is durable now."""
        for (stream, partition), block in written.blocks.items():
            tail = self._tail(stream, partition)
            consumers = self._consumers.get(stream)
            if not consumers:
                tail.skip_to(block.first + len(block.records))
                continue
            at = written.at
            tail.extend(
                block.first,
                [
                    LogRecord(
                        stream,
                        Position(partition, offset),
                        record.key,
                        record.value,
                        at,
                        record.trace,
                    )
                    for offset, record in enumerate(block.records, block.first)
                ],
            )
            for consumer in consumers:
                consumer.wake()

    def _tail(self, stream: str, partition: int) -> Tail:
        tails = self._tails.setdefault(stream, {})
        tail = tails.get(partition)
        if tail is None:
            tail = tails[partition] = Tail(0, 0)
        return tail

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(POLL)
            try:
                await self._look()
            except Chat4AllError as error:
                _log.warning("cannot look at the log", error=str(error))

    async def _look(self) -> None:
        self._absorb(await self._writer.read(log_file.census))

    def _absorb(self, known: Census) -> None:
        """Catch up with what the file holds, which may lag behind what we know already."""
        for (stream, partition), extent in known.extents.items():
            tail = self._tail(stream, partition)
            tail.trimmed_to(extent.start)
            if extent.end > tail.end:
                tail.skip_to(extent.end)
                for consumer in self._consumers.get(stream, ()):
                    consumer.wake()
        for (stream, group), offsets in known.committed.items():
            for partition, offset in offsets.items():
                self._note(stream, group, partition, offset)

    def _note(self, stream: str, group: str, partition: int, offset: int) -> None:
        done = self._committed.setdefault((stream, group), {})
        done[partition] = max(done.get(partition, -1), offset)


class _Flush:
    """Everything that waited when the writer thread came to it."""

    def __init__(self, log: SqliteEventLog) -> None:
        self._log = log
        self._taken = False
        self._calls: list[tuple[Sequence[Record], asyncio.Future[Sequence[Position]]]] = []
        self._commits: list[tuple[_Commit, asyncio.Future[None]]] = []

    def write(self, db: sqlite3.Connection) -> Written:
        """On the writer thread; again after a rollback, with the same content."""
        self._take()
        log = self._log
        written = log._file.write(  # noqa: SLF001 - one class in two threads
            db,
            [records for records, _ in self._calls],
            rollbacks=log._writer.rollbacks,  # noqa: SLF001
        )
        done: dict[tuple[str, str, int], int] = {}
        for (reader, stream, partition, offset), _ in self._commits:
            key = (reader, stream, partition)
            done[key] = max(done.get(key, -1), offset)
        log._file.commit(db, done)  # noqa: SLF001
        return written

    def settle(self, written: Written | None, error: Exception | None) -> None:
        """On the loop, once the commit is known to have worked or failed."""
        self._take()
        if written is None:
            self._fail(error or Unavailable("nothing was written"))
            return
        for (_, appended), positions in zip(self._calls, written.positions, strict=True):
            if not appended.done():
                appended.set_result(positions)
        for (reader, stream, partition, offset), committed in self._commits:
            self._log._note(stream, reader, partition, offset)  # noqa: SLF001
            if not committed.done():
                committed.set_result(None)
        self._log._believe(written)  # noqa: SLF001

    def _fail(self, error: Exception) -> None:
        waiting: list[asyncio.Future[Any]] = [future for _, future in self._calls]
        waiting += [future for _, future in self._commits]
        for future in waiting:
            if not future.done():
                future.set_exception(error)

    def _take(self) -> None:
        if self._taken:
            return
        self._taken = True
        log = self._log
        # First this, then the counts: who comes later posts a flush of their own.
        log._posted = False  # noqa: SLF001
        self._calls = [log._calls.popleft() for _ in range(len(log._calls))]  # noqa: SLF001
        self._commits = [log._commits.popleft() for _ in range(len(log._commits))]  # noqa: SLF001


def _committed_by_all(known: Census, stream: str) -> Mapping[int, int]:
    """Return up to where every group of the stream is done; with no group, everything."""
    groups = [done for (name, _), done in known.committed.items() if name == stream]
    return {
        partition: min((done.get(partition, -1) for done in groups), default=extent.end - 1)
        for (name, partition), extent in known.extents.items()
        if name == stream
    }


def _check_key(key: str) -> None:
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("a key must be valid Unicode") from error


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
