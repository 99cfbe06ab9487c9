"""A model of one key in one stream, driven beside a real log."""

from __future__ import annotations

from collections.abc import Sequence

from chat4all.domain.events import Position
from chat4all.ports.event_log import Consumer, Record
from chat4all.testing.event_log_reading import FullLog, next_batch


class Course:
    """One key of one stream beside its model: a list, a committed count and a place."""

    def __init__(self, log: FullLog, stream: str) -> None:
        self._log = log
        self._stream = stream
        self._kept: list[Position] = []
        self._committed = 0
        self._place = 0

    async def run(self, steps: Sequence[tuple[str, int]]) -> None:
        """Take `steps`, each a name and a number, and compare after each."""
        rest = list(steps)
        while True:
            async with self._log.consume(self._stream, "g") as consumer:
                self._place = self._committed
                while rest and rest[0][0] != "restart":
                    await self._step(consumer, *rest.pop(0))
                if not rest:
                    return
                rest.pop(0)

    async def _step(self, consumer: Consumer, name: str, number: int) -> None:
        if name == "append":
            start = len(self._kept)
            values = [str(n).encode() for n in range(start, start + number)]
            self._kept += await self._log.append([Record(self._stream, "k", v) for v in values])
        elif name == "next" and self._place < len(self._kept):
            got = await next_batch(consumer, number)
            end = self._place + len(got)
            assert [r.position for r in got] == self._kept[self._place : end]
            assert [int(r.value) for r in got] == list(range(self._place, end))
            self._place = end
        elif name == "commit" and number < self._place:
            await consumer.commit(self._kept[number])
            self._committed = max(self._committed, number + 1)
        assert self._log.backlog(self._stream, "g") == len(self._kept) - self._committed
