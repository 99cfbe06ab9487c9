"""The table of the bench of routers: ratios of the same round, and who the limit is."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

pytest.importorskip("confluent_kafka")

from bench.readers import Run
from bench.routers import BARE, TARGETS, Target, label, limits_of, lines_of, missing_of
from bench.servers import BenchFailed

if TYPE_CHECKING:
    from bench.engines import Engines


def run(stored: float, *, workers: float = 0.2, store: float = 0.2, missing: int = 0) -> Run:
    return Run(
        messages=1_000,
        offered=10 * stored,
        stored=stored,
        missing=missing,
        workers_cpu=workers,
        store_cpu=store,
        kafka_cpu=0.1,
    )


def test_a_router_is_compared_with_the_bare_clients_of_its_round() -> None:
    rounds = [
        {
            label(*target): run(factor * rate)
            for target, rate in zip(TARGETS, (100, 50, 80, 160), strict=True)
        }
        for factor in (1, 10, 3)
    ]
    lines = dict(lines_of(rounds))
    assert lines["router / bare clients, 1 process"].median == 0.5
    assert lines["router / bare clients, 2 processes"].most == 0.5
    assert lines["router, 2 processes / 1"].least == 1.6
    assert lines["bare clients, 2 processes / 1"].median == 1.6
    assert lines["router, 1 process: messages/s"].most == 500
    assert missing_of(rounds) == 0
    rounds[1][label(*TARGETS[1])] = run(500, missing=3)
    assert missing_of(rounds) == 3


def test_the_limit_is_who_uses_most_for_a_message() -> None:
    used = ((1.2, 0.5), (0.5, 1.2), (1.0, 0.8), (0.2, 0.1))
    one = {
        label(*target): run(100, workers=workers, store=store)
        for target, (workers, store) in zip(TARGETS, used, strict=True)
    }
    bare, router, both, idle = limits_of([one], 2)
    assert bare.endswith("the limit: the bare clients")
    assert "the router 5.00 ms, the database server 12.00 ms, Kafka 1.00 ms" in router
    assert router.endswith("the limit: the database server")
    assert both.endswith("the limit: the database server"), "two processes share 1.0"
    assert idle.endswith("of 2 cores they used 0.40: others had them, or disks were slow")


async def until_one_ends(target: Target) -> None:
    async with asyncio.timeout(10):
        while True:
            target.are_alive()
            await asyncio.sleep(0.01)


async def test_a_process_that_ended_is_not_waited_for(tmp_path: Path) -> None:
    servers = SimpleNamespace(
        folder=tmp_path,
        servers="127.0.0.1:1",
        kafka=SimpleNamespace(url="kafka://127.0.0.1:1", pid=0),
        store=SimpleNamespace(url=lambda name: f"mongodb://127.0.0.1:1/{name}", pid=0),
        redis=SimpleNamespace(url="redis://127.0.0.1:1"),
    )

    class Ending(Target):
        def command(self, port: int) -> list[str]:
            return [sys.executable, "-c", f"raise SystemExit('no such group: {port}')"]

    target = Ending(cast("Engines", servers), "one", BARE, 1)
    with target.processes(), pytest.raises(BenchFailed, match="a process ended: no such group"):
        await until_one_ends(target)
