"""One reader of a stream: from memory when it keeps up, from the file when it lags."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from chat4all.adapters.sqlite.log_tail import Tail
from chat4all.domain.events import Position
from chat4all.ports.event_log import LogRecord

ReadFile = Callable[[int, int, int], Awaitable[list[LogRecord]]]
"""Read a partition from an offset, until a limit is reached or passed."""


class SqliteConsumer:
    """Reads every partition of a stream; of two in one group the second waits for the first."""

    def __init__(
        self,
        *,
        tails: Mapping[int, Tail],
        owner: asyncio.Lock,
        committed: Callable[[], Awaitable[Mapping[int, int]]],
        read_file: ReadFile,
        commit: Callable[[Position], Awaitable[None]],
    ) -> None:
        self._tails = tails
        self._owner = owner
        self._committed = committed
        self._read_file = read_file
        self._commit = commit
        self._next: dict[int, int] | None = None
        self._ahead: dict[int, deque[LogRecord]] = {}
        self._turn = 0
        self._woken = asyncio.Event()

    async def next(self, *, limit: int) -> Sequence[LogRecord]:
        """See `Consumer.next`. A cancelled call loses nothing."""
        places = await self._own()
        while True:
            self._woken.clear()
            for partition in self._in_turn():
                found = await self._take(places, partition, limit)
                if found:
                    return found
            await self._woken.wait()

    @property
    def handovers(self) -> int:
        """See `Consumer.handovers`."""
        return int(self._next is not None)

    def hold(self, partition: int) -> AbstractContextManager[bool]:
        """See `Consumer.hold`."""
        del partition  # the second reader waits for the first
        return nullcontext(self._next is not None)

    async def commit(self, position: Position) -> None:
        """See `Consumer.commit`."""
        await self._commit(position)

    def wake(self) -> None:
        """Say that there may be more."""
        self._woken.set()

    def release(self) -> None:
        """Let the next consumer of the group go on."""
        if self._next is not None:
            self._next = None
            self._owner.release()

    async def _own(self) -> dict[int, int]:
        """Wait to be the group's only reader, then start after what it has committed."""
        if self._next is None:
            await self._owner.acquire()
            try:
                committed = await self._committed()
            except BaseException:
                self._owner.release()
                raise
            self._next = {partition: offset + 1 for partition, offset in committed.items()}
        return self._next

    def _in_turn(self) -> Sequence[int]:
        """Return the partitions, each time beginning with another one."""
        partitions = list(self._tails)
        if len(partitions) > 1:
            self._turn = (self._turn + 1) % len(partitions)
            partitions = partitions[self._turn :] + partitions[: self._turn]
        return partitions

    async def _take(self, places: dict[int, int], partition: int, limit: int) -> list[LogRecord]:
        tail = self._tails[partition]
        here = max(places.get(partition, 0), tail.start)
        if here >= tail.end:
            return []
        ahead = self._ahead.get(partition)
        if not ahead and here >= tail.base:
            found = tail.slice(here, limit)
        else:
            if not ahead:
                known_end = tail.end
                ahead = deque(await self._read_file(partition, here, limit))
                self._ahead[partition] = ahead
                if not ahead:  # trimmed meanwhile: there is nothing before the end we knew
                    places[partition] = known_end
                    return []
            found = [ahead.popleft() for _ in range(min(limit, len(ahead)))]
        places[partition] = found[-1].position.offset + 1
        return found
