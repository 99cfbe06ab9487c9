"""Engines that fail when a test says so: the moments at which a process can be killed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from chat4all.adapters.memory.message_store import MemoryMessages, MemoryMessageStore
from chat4all.adapters.sqlite.message_store import SqliteMessageStore
from chat4all.domain.errors import Unavailable
from chat4all.domain.events import Position
from chat4all.ports.event_log import Consumer, EventLog, LogRecord, Record, SupportsRead
from chat4all.ports.message_store import Effects


class ReadableLog(EventLog, SupportsRead, Protocol):
    """A log that can also be read by place."""


class Storing(Enum):
    """How one call of `apply` fails with `Unavailable`."""

    REFUSED = "refused"
    """Nothing was stored."""
    ANSWER_LOST = "answer lost"
    """Everything was stored, and the caller is not told."""


class Faults:
    """What goes wrong next: nothing, until a test says so.

    `on_append` and `on_commit` are called before the log does it, and refuse by raising.
    `applies` holds how the next calls of `apply` end; when it is empty they succeed.
    `poison` is a digest that the memory store cannot take.
    """

    def __init__(self) -> None:
        self.on_append: Callable[[Sequence[Record]], None] = lambda _: None
        self.on_commit: Callable[[str, Position], None] = lambda _stream, _position: None
        self.applies: deque[Storing] = deque()
        self.poison: str | None = None

    def none(self) -> None:
        """Let everything work again."""
        self.__init__()  # type: ignore[misc] # all its state is made there


class FaultyLog:
    """An `EventLog` and `SupportsRead` in front of another one."""

    def __init__(self, inner: ReadableLog, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    async def append(self, records: Sequence[Record]) -> Sequence[Position]:
        """See `EventLog.append`."""
        self._faults.on_append(records)
        return await self._inner.append(records)

    def consume(self, stream: str, group: str) -> AbstractAsyncContextManager[Consumer]:
        """See `EventLog.consume`."""
        return self._consume(stream, group)

    async def ends(self, stream: str) -> Sequence[Position]:
        """See `EventLog.ends`."""
        return await self._inner.ends(stream)

    def done(self, stream: str, group: str) -> Sequence[Position]:
        """See `EventLog.done`."""
        return self._inner.done(stream, group)

    def backlog(self, stream: str, group: str) -> int:
        """See `EventLog.backlog`."""
        return self._inner.backlog(stream, group)

    async def read(self, stream: str, *, after: Position | None, limit: int) -> Sequence[LogRecord]:
        """See `SupportsRead.read`."""
        return await self._inner.read(stream, after=after, limit=limit)

    @asynccontextmanager
    async def _consume(self, stream: str, group: str) -> AsyncIterator[Consumer]:
        async with self._inner.consume(stream, group) as consumer:
            yield _FaultyConsumer(consumer, stream, self._faults)


class _FaultyConsumer:
    def __init__(self, inner: Consumer, stream: str, faults: Faults) -> None:
        self._inner = inner
        self._stream = stream
        self._faults = faults

    async def next(self, *, limit: int) -> Sequence[LogRecord]:
        return await self._inner.next(limit=limit)

    @property
    def handovers(self) -> int:
        return self._inner.handovers

    def hold(self, partition: int) -> AbstractContextManager[bool]:
        return self._inner.hold(partition)

    async def commit(self, position: Position) -> None:
        self._faults.on_commit(self._stream, position)
        await self._inner.commit(position)


class FaultyMemoryStore(MemoryMessageStore):
    """Messages in memory whose `apply` fails as told."""

    def __init__(self, faults: Faults, messages: MemoryMessages | None = None) -> None:
        super().__init__(messages)
        self._faults = faults

    async def apply(self, effects: Effects) -> None:
        """See `MessageStore.apply`."""
        fault = self._faults.applies.popleft() if self._faults.applies else None
        if any(new.digest == self._faults.poison for new in effects.added):
            raise ValueError("the test lets the storage choke")
        if fault is not Storing.REFUSED:
            await super().apply(effects)
        if fault is not None:
            raise Unavailable("the test lets the storage fail")


class FaultySqliteStore(SqliteMessageStore):
    """Messages in SQLite whose `apply` fails as told."""

    def __init__(self, faults: Faults, path: Path) -> None:
        super().__init__(path)
        self._faults = faults

    def apply(self, effects: Effects) -> Coroutine[Any, Any, None]:
        """See `MessageStore.apply`."""
        fault = self._faults.applies.popleft() if self._faults.applies else None
        refused = fault is Storing.REFUSED
        stored = None if refused else asyncio.ensure_future(super().apply(effects))
        return self._answer(stored, fault)

    async def _answer(self, stored: asyncio.Future[None] | None, fault: Storing | None) -> None:
        if stored is not None:
            await stored
        if fault is not None:
            raise Unavailable("the test lets the storage fail")
