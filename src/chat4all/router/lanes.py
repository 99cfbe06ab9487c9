"""The tasks of one chat, in order: the next few at hand, the rest as places in the log."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from chat4all.domain.delivery import DeliveryTask
from chat4all.domain.events import Position
from chat4all.ports.event_log import EventLog, LogRecord, SupportsRead
from chat4all.services.records import decode_task

AT_HAND = 8
"""Tasks of one chat that are kept in memory."""
_READ = 100


class ReadableLog(EventLog, SupportsRead, Protocol):
    """A log whose records can be read again by their place."""


@dataclass(frozen=True, slots=True)
class Held:
    """A task with the record it came in."""

    record: LogRecord
    task: DeliveryTask

    @property
    def position(self) -> Position:
        """Return its place."""
        return self.record.position


class Lane:
    """What waits for one chat.

    However much that is, it takes the memory of `AT_HAND` tasks and of a place for each of
    the others, which are read from the log again when they come up.
    """

    def __init__(self, log: ReadableLog, stream: str) -> None:
        self._log = log
        self._stream = stream
        self._near: deque[Held] = deque()
        self._far: deque[Position] = deque()

    def __len__(self) -> int:
        return len(self._near) + len(self._far)

    @property
    def at_hand(self) -> int:
        """Return how many tasks are in memory."""
        return len(self._near)

    def add(self, held: Held) -> None:
        """Put a task at the end."""
        if self._far or len(self._near) >= AT_HAND:
            self._far.append(held.position)
        else:
            self._near.append(held)

    async def first(self) -> Held:
        """Return the oldest task. Raises `Unavailable` when the log cannot be read."""
        if not self._near:
            await self._read_on()
        return self._near[0]

    def drop_first(self) -> None:
        """Forget the oldest task: it is done."""
        self._near.popleft()

    async def _read_on(self) -> None:
        first = self._far[0]
        before = Position(first.partition, first.offset - 1)
        records = await self._log.read(self._stream, after=before, limit=_READ)
        found = {record.position: record for record in records}
        while self._far and len(self._near) < AT_HAND and self._far[0] in found:
            record = found[self._far.popleft()]
            self._near.append(Held(record, decode_task(record.value)))
        if not self._near:
            raise LookupError(f"{self._stream} has lost its record at {first}")
