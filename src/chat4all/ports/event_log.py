"""The log between the gateway, the router and the connectors."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chat4all.domain.events import Position

COMMANDS = "commands"
EVENTS = "events"
EARLY_RECEIPTS = "early-receipts"
DEAD_LETTERS = "dead-letters"


def outbound(channel: str) -> str:
    """Return the stream of tasks for one channel."""
    return f"outbound.{channel}"


@dataclass(frozen=True, slots=True)
class Record:
    """Something to keep: records of one stream with one `key` keep their order.

    `trace` is the place in a trace from which its readers go on; see `ports/tracing.py`.
    """

    stream: str
    key: str
    value: bytes
    trace: str = ""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A record the log holds, with its place and the time it was appended (aware UTC)."""

    stream: str
    position: Position
    key: str
    value: bytes
    appended_at: datetime
    trace: str = ""


class Consumer(Protocol):
    """One reader of one stream on behalf of a group.

    Not calling `next` is how a reader pauses: the log keeps what was not read.
    """

    async def next(self, *, limit: int) -> Sequence[LogRecord]:
        """Return the next 1 to `limit` records, oldest first within a partition; wait for one.

        Starts after the group's committed position, or at the oldest record. A record may
        come again after a restart, never out of order within its partition. Concurrent
        calls on one consumer are an error of the caller.
        """
        ...

    @property
    def handovers(self) -> int:
        """Return how often partitions have come to this reader.

        After each of them records may come whose effects another reader has made.
        """
        ...

    def hold(self, partition: int) -> AbstractContextManager[bool]:
        """Keep a partition for as long as a block lasts; yield whether it is this reader's.

        Another reader gets its records after the block, unless that takes seconds or this
        process stands still. What is false at the beginning has gone to another already.
        """
        ...

    async def commit(self, position: Position) -> None:
        """Record durably that everything up to `position` of its partition is done.

        Call it after the effects are stored. A commit that goes back is ignored.
        """
        ...


class EventLog(Protocol):
    """Durable, ordered streams. Every implementation passes `EventLogContract`."""

    async def append(self, records: Sequence[Record]) -> Sequence[Position]:
        """Keep `records`; return their places, in the order given, once they are durable.

        All or none of a call is kept. Calls made one after the other keep that order
        within a key, also when the first has not returned yet. Raises `StorageFull` or
        `Unavailable` when nothing was kept; after a cancelled call the outcome is open.
        """
        ...

    def consume(self, stream: str, group: str) -> AbstractAsyncContextManager[Consumer]:
        """Read `stream` for `group`; leaving the context gives the partitions up."""
        ...

    async def ends(self, stream: str) -> Sequence[Position]:
        """Return the last position of each partition that holds a record."""
        ...

    def done(self, stream: str, group: str) -> Sequence[Position]:
        """Return up to where `group` has committed, or a second ago had; never waits."""
        ...

    def backlog(self, stream: str, group: str) -> int:
        """Return about how many records `group` has yet to commit; cheap, never waits."""
        ...


class SupportsRead(Protocol):
    """Reading by place, without a group: for inspection, redrive and repair."""

    async def read(self, stream: str, *, after: Position | None, limit: int) -> Sequence[LogRecord]:
        """Return up to `limit` records of a partition later than `after`, oldest first.

        None starts at the oldest record of partition 0.
        """
        ...


class SupportsTrim(Protocol):
    """Forgetting what every group has committed."""

    async def trim(self, stream: str, *, before: datetime) -> int:
        """Drop records appended before `before` that every known group has committed.

        Returns how many were dropped. Never drops an uncommitted record.
        """
        ...
