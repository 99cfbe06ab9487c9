"""Up to where a stream is done, when its records are finished out of order."""

from __future__ import annotations

import heapq

from chat4all.domain.events import Position


class Progress:
    """Which records are under way, and up to where all are done."""

    def __init__(self) -> None:
        self._open: dict[int, list[int]] = {}
        self._finished: dict[int, set[int]] = {}

    def started(self, position: Position) -> None:
        """Note that a record was taken."""
        heapq.heappush(self._open.setdefault(position.partition, []), position.offset)

    def finished(self, position: Position) -> Position | None:
        """Return how far the partition may now be committed; None when no further."""
        waiting = self._open.get(position.partition)
        if not waiting or position.offset < waiting[0]:  # it was forgotten meanwhile
            return None
        finished = self._finished.setdefault(position.partition, set())
        finished.add(position.offset)
        done = None
        while waiting and waiting[0] in finished:
            done = heapq.heappop(waiting)
            finished.discard(done)
        return None if done is None else Position(position.partition, done)

    def forget(self, partition: int) -> None:
        """Forget the records of a partition: another reader gets on with them."""
        self._open.pop(partition, None)
        self._finished.pop(partition, None)
