"""A log that hands everything on to another."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from chat4all.domain.events import Position
from chat4all.ports.event_log import (
    Consumer,
    EventLog,
    LogRecord,
    Record,
    SupportsRead,
    SupportsTrim,
)


class WholeLog(EventLog, SupportsRead, SupportsTrim, Protocol):
    """A log with the powers that this program uses."""


class ForwardedLog:
    """What stands before a log and does one thing more; by itself it does nothing."""

    def __init__(self, log: WholeLog) -> None:
        self._log = log

    async def append(self, records: Sequence[Record]) -> Sequence[Position]:
        """See `EventLog.append`."""
        return await self._log.append(records)

    def consume(self, stream: str, group: str) -> AbstractAsyncContextManager[Consumer]:
        """See `EventLog.consume`."""
        return self._log.consume(stream, group)

    async def ends(self, stream: str) -> Sequence[Position]:
        """See `EventLog.ends`."""
        return await self._log.ends(stream)

    def done(self, stream: str, group: str) -> Sequence[Position]:
        """See `EventLog.done`."""
        return self._log.done(stream, group)

    def backlog(self, stream: str, group: str) -> int:
        """See `EventLog.backlog`."""
        return self._log.backlog(stream, group)

    async def read(self, stream: str, *, after: Position | None, limit: int) -> Sequence[LogRecord]:
        """See `SupportsRead.read`."""
        return await self._log.read(stream, after=after, limit=limit)

    async def trim(self, stream: str, *, before: datetime) -> int:
        """See `SupportsTrim.trim`."""
        return await self._log.trim(stream, before=before)
