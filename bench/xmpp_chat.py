"""Two-party chats on an XMPP server, as many messages as it delivers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import perf_counter

import msgspec

from bench import cpu
from bench.job import Latency
from bench.servers import Server
from bench.stats import latency
from bench.xmpp_client import XmppClient, message

PATIENCE = 30.0
"""Seconds for what is on its way when the time is over."""


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; the rate is per second, processor use in cores."""

    delivered: float
    took: Latency | None
    """From a message's sending to its coming to the recipient."""
    messages: int
    """All that were sent, also before and after what is measured."""
    archived: int = 0
    missing: int
    disorder: int
    """Messages that were not the next of their sender: repeated, or out of order."""
    refused: int
    generator_cpu: float
    server_cpu: float


class Pair:
    """A sender and who they write to, with so many messages on their way at a time."""

    def __init__(self, number: int, client: XmppClient, to: str, text: str) -> None:
        self._number, self._client, self._to, self._text = number, client, to, text
        self.sent: list[float] = []
        self.came = 0

    def send(self, now: float) -> None:
        """Say the next thing."""
        self._client.send(message(self._to, f"{self._number}.{len(self.sent)}", self._text))
        self.sent.append(now)


class Chat:
    """All pairs, and what came."""

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self.pairs: list[Pair] = []
        self.disorder = self.refused = 0
        self.took: list[float] = []
        """Of each message, when it is known how long it took, in the order they came."""
        self._until = 0.0

    def came(self, name: str, refused: bool, now: float) -> None:  # noqa: FBT001 - of a callback
        """Take a message at its recipient, or a refusal at its sender; the next one is sent."""
        number, _, place = name.partition(".")
        pair = self.pairs[int(number)]
        if refused:
            self.refused += 1
        else:
            self.disorder += int(place) != pair.came
            self.took.append(now - pair.sent[int(place)])
        pair.came = int(place) + 1
        if now < self._until:
            pair.send(now)

    async def run(self, seconds: float) -> int:
        """Send for so long; return how many came in that time."""
        before, now = len(self.took), perf_counter()
        self._until = now + seconds
        for pair in self.pairs:
            for _ in range(self._ahead):
                pair.send(now)
        await asyncio.sleep(seconds)
        counted = len(self.took) - before
        limit = perf_counter() + PATIENCE
        while self.missing and perf_counter() < limit:  # noqa: ASYNC110 - no event per message
            await asyncio.sleep(0.01)
        return counted

    @property
    def sent(self) -> int:
        """Return how many were sent."""
        return sum(len(pair.sent) for pair in self.pairs)

    @property
    def missing(self) -> int:
        """Return how many were sent, and neither came nor were refused."""
        return max(0, self.sent - len(self.took) - self.refused)


async def chat(
    server: Server,
    senders: Sequence[str],
    recipients: Sequence[str],
    *,
    domain: str,
    password: str,
    text: str,
    seconds: float,
    ahead: int,
) -> Delivered:
    """Have the senders write to the recipients, shared out evenly, for so long."""
    host, port = server.address
    found = Chat(ahead)
    clients = [XmppClient(name, domain, found.came) for name in (*recipients, *senders)]
    for client in clients:
        await client.connect(host, port, password)
    for number, client in enumerate(clients[len(recipients) :]):
        to = f"{recipients[number % len(recipients)]}@{domain}"
        found.pairs.append(Pair(number, client, to, text))
    await found.run(1.0)
    warm, before = len(found.took), cpu.moment(server.pid)
    counted = await found.run(seconds)
    own, loop, threads = cpu.cores(before, cpu.moment(server.pid))
    for client in clients:
        client.close()
    return Delivered(
        delivered=counted / seconds,
        took=latency(found.took[warm:]),
        messages=found.sent,
        missing=found.missing,
        disorder=found.disorder,
        refused=found.refused,
        generator_cpu=own,
        server_cpu=round(loop + threads, 3),
    )
