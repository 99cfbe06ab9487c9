"""The two ways to put load on a server: closed (as fast as it answers) and open (as it comes)."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from time import perf_counter

from bench.http1 import Connection
from bench.ledger import Acknowledged, Ledger
from chat4all.domain.ids import new_id

ACCEPTED = 202
_PREFIX = b'{"message_id":"'

Requests = Callable[[int, str], bytes]
"""Returns the bytes of the next request of a lane, with this message id if there is one."""


class Drive:
    """What both ways have in common: sending, counting, and ending."""

    def __init__(self, pool: Sequence[Connection], requests: Requests, ledger: Ledger) -> None:
        self._pool = pool
        self._requests = requests
        self._ledger = ledger
        self.named = False
        self.accepted = 0
        self.answers: list[tuple[float, float]] = []
        """(due, answered) of every accepted request."""
        self.ids: list[str] = []
        self.late: list[float] = []
        self.refused: Counter[str] = Counter()
        self._until = 0.0
        self._busy = 0
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, seconds: float) -> None:
        """Load for `seconds`; return when the last request is answered."""
        self._until = perf_counter() + seconds
        self._start()
        await self._ended

    def answered(self, connection: Connection, status: int, body: bytes, now: float) -> None:
        """Take an answer; called by the connections."""
        self._busy -= 1
        if status == ACCEPTED:
            self.accepted += now <= self._until
            self.answers.append((connection.due, now))
            if body.startswith(_PREFIX):
                message_id = body[15:51].decode()
                self.ids.append(message_id)
                self._ledger.acknowledged[message_id] = Acknowledged(
                    connection.lane, connection.due, now
                )
        else:
            self.refused[str(status) if status else "no answer"] += 1
            self._ledger.unanswered += status == 0
        if not connection.lost:
            self._next(connection, now)
        if not self._busy and self._is_over(now) and not self._ended.done():
            self._ended.set_result(None)

    def _send(self, connection: Connection, due: float) -> None:
        self._busy += 1
        connection.due = due
        connection.send(self._requests(connection.lane, new_id() if self.named else ""))

    def _start(self) -> None:
        raise NotImplementedError

    def _next(self, connection: Connection, now: float) -> None:
        raise NotImplementedError

    def _is_over(self, now: float) -> bool:
        raise NotImplementedError


class Closed(Drive):
    """Every connection sends again as soon as it is answered: how much the server can take."""

    def _start(self) -> None:
        now = perf_counter()
        for connection in self._pool:
            self._send(connection, now)

    def _next(self, connection: Connection, now: float) -> None:
        if now < self._until:
            self._send(connection, now)

    def _is_over(self, now: float) -> bool:
        return now >= self._until


class Open(Drive):
    """Requests are due at random moments of a fixed rate, whether or not the server keeps up.

    Latency counts from when a request was due, so a server that stalls cannot hide it by
    holding up the load. https://www.scylladb.com/2021/04/22/on-coordinated-omission/
    """

    def schedule(self, rate: float, *, spin: bool, seed: int) -> None:
        """Say how many requests are due per second; `spin` waits awake for each."""
        self._rate = rate
        self._spin = spin
        self._random = random.Random(seed)
        self._free = deque(self._pool)
        self._waiting: deque[float] = deque()

    def _start(self) -> None:
        self._due = perf_counter() + self._random.expovariate(self._rate)
        self._tick()

    def _tick(self) -> None:
        now = perf_counter()
        while self._due <= now and self._due < self._until:
            while self._free and self._free[0].lost:
                self._free.popleft()
            if self._free:
                self.late.append(now - self._due)
                self._send(self._free.popleft(), self._due)
            else:
                self._waiting.append(self._due)
            self._due += self._random.expovariate(self._rate)
        loop = asyncio.get_running_loop()
        if self._due >= self._until:
            loop.call_later(max(0.0, self._until - now), self._finish)
        elif self._spin:
            loop.call_soon(self._tick)
        else:
            loop.call_later(self._due - now, self._tick)

    def _finish(self) -> None:
        if not self._busy and not self._ended.done():
            self._ended.set_result(None)

    def _next(self, connection: Connection, now: float) -> None:
        del now
        if self._waiting:
            self._send(connection, self._waiting.popleft())
        else:
            self._free.append(connection)

    def _is_over(self, now: float) -> bool:
        return now >= self._until and not self._waiting
