"""What a flooded account costs its neighbour: two bots, one asked for three times its pace.

The platform is our simulated Telegram with Telegram's limits, in the process of the bench.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from bench import servers
from bench.job import Latency
from bench.servers import BenchFailed, Cores
from bench.stats import Spread, latency, ratios, spread
from chat4all.testing.telegram import Fault, FaultKind, RateLimits, TelegramSimulator

PASSWORD = "a password for the bench alone"  # noqa: S105 - of a server that lives a minute
CHATS, QUIET_CHATS = 60, 10
PER_SECOND = 30
EXCESS = 3
QUIET_PER_SECOND = 4
CALL_SECONDS = 0.05
PATIENCE = 30.0

Chats = list[str]


class Pace(msgspec.Struct, kw_only=True):
    """What one round measured; latencies are those of the quiet account."""

    alone: Latency | None = None
    beside: Latency | None = None
    offered: int = 0
    brought: int = 0
    refused: int = 0
    """Calls that the platform refused with 429: 0 is what is asked for."""
    lost: int = 0
    """Messages of the quiet account that did not come."""


class Platform:
    """A Telegram that notes when each text of a bot came."""

    def __init__(self) -> None:
        self.simulator = TelegramSimulator(limits=RateLimits())
        self.tokens = [self.simulator.add_bot(name) for name in ("flooded_bot", "quiet_bot")]
        self.came: dict[str, float] = {}
        self.refused = 0
        delay = Fault(kind=FaultKind.DELAY, method="sendMessage", times=None, seconds=CALL_SECONDS)
        self.simulator.faults.add(delay)
        self._watch()

    def _watch(self) -> None:
        post, spend = self.simulator.network.post, self.simulator.limiter.spend

        def posted(chat: Any, sender: Any, content: Any, **more: Any) -> Any:
            if sender.is_bot:
                self.came.setdefault(content.text, time.perf_counter())
            return post(chat, sender, content, **more)

        def spent(bot: int, chat: Any) -> None:
            try:
                spend(bot, chat)
            except Exception:
                self.refused += 1
                raise

        vars(self.simulator.network)["post"] = posted
        vars(self.simulator.limiter)["spend"] = spent


class PacingBench:
    """All rounds; `say` is told what is going on."""

    def __init__(
        self, rounds: int, seconds: float, cores: Cores, folder: Path, say: Callable[[str], None]
    ) -> None:
        self._rounds = rounds
        self._seconds = seconds
        self._cores = cores
        self._folder = folder
        self._say = say

    def run(self) -> list[Pace]:
        """Measure; within a round the quiet account is first alone, then beside the flood."""
        found = []
        for number in range(self._rounds):
            one = asyncio.run(self._round(self._folder / f"pacing-{number}"))
            found.append(one)
            self._say(f"round {number + 1} of {self._rounds}: {told(one)}")
        return found

    async def _round(self, folder: Path) -> Pace:
        platform, pace = Platform(), Pace()
        async with platform.simulator.serve() as telegram:
            settings = {**servers.RATES, "CHAT4ALL_TELEGRAM_API": telegram.url}
            running = servers.product(folder, self._cores, environment=settings)
            server = await asyncio.to_thread(running.__enter__)
            try:
                async with _owner(server.url) as http:
                    flooded, quiet = await _chats(http, platform)
                    pace.alone = await self._quiet(http, quiet, platform, pace)
                    before = len(platform.came)
                    async with asyncio.TaskGroup() as group:
                        flood = group.create_task(self._flood(http, flooded, pace))
                        pace.beside = await self._quiet(http, quiet, platform, pace)
                        await flood
                    pace.brought = len(platform.came) - before - pace.beside.count
                    pace.refused = platform.refused
            finally:
                await asyncio.to_thread(running.__exit__, None, None, None)
        return pace

    async def _flood(self, http: httpx.AsyncClient, chats: Chats, pace: Pace) -> None:
        for second in range(int(self._seconds)):
            due = time.perf_counter() + 1.0
            words = [f"flood {second} {number}" for number in range(EXCESS * PER_SECOND)]
            bodies = [_message(chats[number % len(chats)], one) for number, one in enumerate(words)]
            await _post(http, "messages/batch", {"messages": bodies})
            pace.offered += len(bodies)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))

    async def _quiet(
        self, http: httpx.AsyncClient, chats: Chats, platform: Platform, pace: Pace
    ) -> Latency:
        asked: dict[str, float] = {}
        began = time.perf_counter()
        for number in range(int(self._seconds * QUIET_PER_SECOND)):
            words = f"quiet {began} {number}"
            due = began + number / QUIET_PER_SECOND
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            asked[words] = due
            await _post(http, "messages", _message(chats[number % len(chats)], words))
        changes = platform.simulator.network.changes
        await changes.until(lambda: asked.keys() <= platform.came.keys(), within=PATIENCE)
        waits = [platform.came[one] - due for one, due in asked.items() if one in platform.came]
        pace.lost += len(asked) - len(waits)
        found = latency(waits)
        if found is None:
            raise BenchFailed("nothing came to the platform")
        return found


def lines(rounds: list[Pace]) -> list[tuple[str, Spread | None]]:
    """Return what is told of the rounds: the ratio first."""
    alone = [one.alone.p50 if one.alone else None for one in rounds]
    beside = [one.beside.p50 if one.beside else None for one in rounds]
    late = [one.beside.p99 if one.beside else None for one in rounds]
    return [
        ("quiet account p50, flooded / alone", spread(ratios(beside, alone))),
        ("quiet account p50 alone, ms", spread(alone)),
        ("quiet account p50 beside the flood, ms", spread(beside)),
        ("quiet account p99 beside the flood, ms", spread(late)),
        ("flood brought, of 1 offered", spread([one.brought / one.offered for one in rounds])),
        ("refused by the platform's limits", spread([float(one.refused) for one in rounds])),
        ("lost", spread([float(one.lost) for one in rounds])),
    ]


def told(one: Pace) -> str:
    """Return a round in a line."""
    alone, beside = (each.p50 if each else 0.0 for each in (one.alone, one.beside))
    return (
        f"quiet p50 {alone:.0f} ms alone, {beside:.0f} ms beside {one.offered} offered; "
        f"refused {one.refused}, lost {one.lost}"
    )


def _message(chat: str, words: str) -> dict[str, Any]:
    return {"conversation_id": chat, "payload": {"type": "text", "text": words}}


@asynccontextmanager
async def _owner(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{url}/v1/", timeout=60, trust_env=False) as http:
        person = {"username": "olga", "password": PASSWORD}
        await _post(http, "auth/register", person)
        form = {"grant_type": "password", **person}
        token = (await http.post("auth/token", data=form)).raise_for_status().json()
        http.headers["authorization"] = f"Bearer {token['access_token']}"
        yield http


async def _chats(http: httpx.AsyncClient, platform: Platform) -> tuple[Chats, Chats]:
    """Connect both bots, have their people write, and return the conversations of each."""
    found: list[Chats] = []
    known: set[str] = set()
    for token, many in zip(platform.tokens, (CHATS, QUIET_CHATS), strict=True):
        account = {"platform": "telegram", "name": token, "config": {"token": token}}
        await _post(http, "admin/connectors/accounts", account)
        bot = int(token.partition(":")[0])
        for number in range(many):
            platform.simulator.add_person(f"Person {number}").start(to=bot)
        limit = time.perf_counter() + PATIENCE
        mine: set[str] = set()
        while len(mine) < many:
            if time.perf_counter() > limit:
                raise BenchFailed(f"{len(mine)} of {many} people are known")
            mine = set(await _conversations(http)) - known
            await asyncio.sleep(0.2)
        known |= mine
        found.append(sorted(mine))
    return found[0], found[1]


async def _conversations(http: httpx.AsyncClient) -> Chats:
    page = (await http.get("conversations", params={"limit": 100})).raise_for_status().json()
    return [one["id"] for one in page["items"]]


async def _post(http: httpx.AsyncClient, path: str, body: Any) -> Any:
    return (await http.post(path, json=body)).raise_for_status().json()
