"""The table of the bench of routers: ratios of the same round, and who the limit is."""

from __future__ import annotations

import pytest

pytest.importorskip("confluent_kafka")

from bench.readers import Run
from bench.routers import TARGETS, label, limits_of, lines_of, missing_of


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
