"""The two ways to put load on a server: closed (as fast as it answers) and open (as it comes)."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Protocol

from bench.ledger import Acknowledged, Ledger
from chat4all.domain.ids import new_id

NO_ANSWER = "no answer"
"""Why a message was not accepted: it may have been, and nobody said so."""
NOT_SENT = "not sent"
"""Why a message was not accepted: the load dropped it, as all connections waited for answers."""

Requests = Callable[[int, str], bytes]
"""Returns the bytes of the next request of a lane, with this message id if there is one."""


class Sender(Protocol):
    """Who sends in a lane: one request at a time, whose answer it gives to an `Answered`."""

    lane: int
    due: float
    lost: bool
    """Whether the connection has ended; then nothing more is sent."""

    def send(self, raw: bytes) -> None:
        """Send a request; the previous one was answered."""
        ...

    def close(self) -> None:
        """End for good."""
        ...


Answered = Callable[[Sender, Sequence[str], Sequence[str], float], None]
"""Called with the sender, the ids of what was accepted, why the rest was not, and the moment."""


class Drive:
    """What both ways have in common: sending, counting, and ending."""

    def __init__(self, pool: Sequence[Sender], requests: Requests, ledger: Ledger) -> None:
        self._pool = pool
        self._requests = requests
        self._ledger = ledger
        self.named = False
        self.accepted = 0
        self.answers: list[tuple[float, float]] = []
        """(due, answered) of every accepted message."""
        self.ids: list[str] = []
        self.late: list[float] = []
        self.refused: Counter[str] = Counter()
        self._until = 0.0
        self._time_is_up = False
        self._busy = 0
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, seconds: float) -> None:
        """Load for `seconds`; return when the last request is answered."""
        self._until = perf_counter() + seconds
        self._start()
        await self._ended

    def answered(
        self, sender: Sender, accepted: Sequence[str], refused: Sequence[str], now: float
    ) -> None:
        """Take an answer; called by the senders."""
        self._busy -= 1
        if now <= self._until:
            self.accepted += len(accepted)
        for message_id in accepted:
            self.answers.append((sender.due, now))
            self.ids.append(message_id)
            self._ledger.acknowledged[message_id] = Acknowledged(sender.lane, sender.due, now)
        for why in refused:
            self.refused[why] += 1
            self._ledger.unanswered += why == NO_ANSWER
        if not sender.lost:
            self._next(sender, now)
        if self._time_is_up or self._is_over(now):
            self._end_when_answered()

    def _send(self, sender: Sender, due: float) -> None:
        self._busy += 1
        sender.due = due
        sender.send(self._requests(sender.lane, new_id() if self.named else ""))

    def _finish(self) -> None:
        """End, unless answers are waited for; the time is over.

        The loop's timers are rounded, so it may be a moment before `_until`: an answer that comes
        in between must end it all the same.
        """
        self._time_is_up = True
        self._end_when_answered()

    def _end_when_answered(self) -> None:
        if not self._busy and not self._ended.done():
            self._ended.set_result(None)

    def _start(self) -> None:
        raise NotImplementedError

    def _next(self, sender: Sender, now: float) -> None:
        raise NotImplementedError

    def _is_over(self, now: float) -> bool:
        raise NotImplementedError


class Closed(Drive):
    """Every sender sends again as soon as it is answered: how much the server can take."""

    def _start(self) -> None:
        now = perf_counter()
        asyncio.get_running_loop().call_later(self._until - now, self._finish)
        for sender in self._pool:
            self._send(sender, now)

    def _next(self, sender: Sender, now: float) -> None:
        if now < self._until:
            self._send(sender, now)

    def _is_over(self, now: float) -> bool:
        return now >= self._until


class Open(Drive):
    """Requests are due at random moments of a fixed rate, whether or not the server keeps up.

    Latency counts from when a request was due, so a server that stalls cannot hide it by
    holding up the load. https://www.scylladb.com/2021/04/22/on-coordinated-omission/
    """

    def schedule(self, rate: float, *, spin: bool, seed: int, drops: bool = False) -> None:
        """Say how many requests are due per second; `spin` waits awake for each."""
        self._rate = rate
        self._spin = spin
        self._drops = drops
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
            elif self._drops:
                self.refused[NOT_SENT] += 1
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

    def _next(self, sender: Sender, now: float) -> None:
        del now
        if self._waiting:
            self._send(sender, self._waiting.popleft())
        else:
            self._free.append(sender)

    def _is_over(self, now: float) -> bool:
        return now >= self._until and not self._waiting
