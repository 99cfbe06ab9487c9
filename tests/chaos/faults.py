"""What is done to the distributed column: the rows of the table."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from chat4all.adapters.kafka.consumer import SESSION_MS
from tests.chaos.stage import MONGODB, REDIS, SERVERS, Stage

Fault = Callable[[Stage], Awaitable[float]]
"""Does harm, and takes back what it has to; returns when it was over, as `time.monotonic`."""

KINDS = (
    "gateway",
    "router",
    "notifier",
    "presence",
    "files",
    "connector-mock",
    "connector-telegram",
    "connector-whatsapp",
    "auditor",
)
CUT_SECONDS = FULL_SECONDS = SLOW_SECONDS = STORM_SECONDS = 10.0
SLOWNESS = 0.25  # seconds, each way
JUNK = "junk-of-chaos"
SPARE = 2 * 1024**2  # bytes
PAST_SESSION = 4.0 + SESSION_MS / 1_000  # seconds; Kafka gives the partitions to others meanwhile


async def kill(kind: str, stage: Stage) -> float:
    """SIGKILL one process of a role, which is started again as a supervisor does."""
    role = stage.one_of(kind)
    await role.kill()
    over = time.monotonic()
    await role.launch()
    return over


async def stand_still(kind: str, stage: Stage) -> float:
    """SIGSTOP one process of a role; every third time for longer than Kafka waits for it."""
    role = stage.one_of(kind)
    past_session = stage.chance.random() < 1 / 3
    role.send(signal.SIGSTOP)
    try:
        await asyncio.sleep(stage.chance.uniform(2, 5) + PAST_SESSION * past_session)
    finally:
        role.send(signal.SIGCONT)
    return time.monotonic()


async def restart(server: str, stage: Stage) -> float:
    """Kill a server and start it again; the fault is over when it listens."""
    await asyncio.to_thread(stage.servers[server].stop)
    await asyncio.to_thread(stage.servers[server].start)
    return time.monotonic()


async def cut(server: str, stage: Stage) -> float:
    """Cut the network between all roles and a server."""
    stage.links[server].cut()
    await asyncio.sleep(CUT_SECONDS)
    stage.links[server].mend()
    return time.monotonic()


async def slow_down(server: str, stage: Stage) -> float:
    """Make the network to a server slow."""
    stage.links[server].delay = SLOWNESS
    await asyncio.sleep(SLOW_SECONDS)
    stage.links[server].delay = 0.0
    return time.monotonic()


async def fill(stage: Stage) -> float:
    """Fill Redis, so that it refuses every write."""
    async with Redis(port=stage.servers[REDIS].port) as redis:
        used = (await redis.info("memory"))["used_memory"]
        await redis.config_set("maxmemory", used + SPARE)
        try:
            await _until_full(redis)
            await asyncio.sleep(FULL_SECONDS)
        finally:
            await redis.delete(JUNK)
            await redis.config_set("maxmemory", 0)
    return time.monotonic()


async def _until_full(redis: Redis) -> None:
    try:
        while True:
            await redis.append(JUNK, "x" * 65_536)
    except ResponseError as error:
        if "maxmemory" not in str(error):
            raise


async def storm(stage: Stage) -> float:
    """Start one more router every second, and end the one before."""
    last = None
    for turn in range(round(STORM_SECONDS)):
        role = stage.one_more("router", f"router-storm-{turn % 2}")
        await role.launch()
        await asyncio.sleep(1.0)
        if last is not None:
            await last.kill()
        last = role
    assert last is not None
    await last.kill()
    return time.monotonic()


@dataclass(frozen=True)
class Row:
    """One row: what is done, and what a client does then to see that all is well again."""

    name: str
    fault: Fault
    proof: str = "message"
    """`message`, at the mock phone; `telegram`, there; or `file`."""


def _rows() -> list[Row]:
    proofs = {"files": "file", "minio": "file", "connector-telegram": "telegram"}
    rows = []
    for verb, fault, which in (
        ("kill", kill, KINDS),
        ("stop", stand_still, KINDS),
        ("restart", restart, SERVERS),
        ("cut", cut, SERVERS),
    ):
        for one in which:
            rows.append(Row(f"{verb} {one}", partial(fault, one), proofs.get(one, "message")))  # noqa: PERF401
    rows.append(Row("fill redis", fill))
    rows.append(Row("slow mongodb", partial(slow_down, MONGODB)))
    rows.append(Row("rebalance storm", storm))
    return rows


ROWS = _rows()
