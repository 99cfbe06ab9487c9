"""The log, with the trace of whoever appends in every record."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
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
from chat4all.ports.tracing import Attributes, Kind, Tracing, is_sampled


class WholeLog(EventLog, SupportsRead, SupportsTrim, Protocol):
    """A log with the powers that this program uses."""


class TracedLog:
    """Appending is a piece of work; a record that names no trace of its own goes on from it.

    https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
    """

    def __init__(self, log: WholeLog, tracing: Tracing, system: str) -> None:
        self._log = log
        self._tracing = tracing
        self._system = system

    async def append(self, records: Sequence[Record]) -> Sequence[Position]:
        """See `EventLog.append`."""
        here = self._tracing.current
        if not here:
            return await self._log.append(records)
        if not is_sampled(here):
            return await self._log.append(_placed(records, here))
        streams = sorted({one.stream for one in records})
        attributes: Attributes = {
            "messaging.system": self._system,
            "messaging.operation.name": "append",
            "messaging.operation.type": "send",
            "messaging.destination.name": ",".join(streams),
            "messaging.batch.message_count": len(records),
        }
        name = f"append {streams[0]}" if len(streams) == 1 else "append"
        with self._tracing.within(name, Kind.PRODUCER, attributes) as span:
            return await self._log.append(_placed(records, span.context))

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


def _placed(records: Sequence[Record], place: str) -> list[Record]:
    return [one if one.trace else replace(one, trace=place) for one in records]
