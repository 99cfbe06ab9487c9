from __future__ import annotations

from contextlib import nullcontext

import pytest

from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.ports.ephemeral import Ephemeral
from chat4all.testing.ephemeral import EphemeralContract, Open, PassTime


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def pass_time(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


class TestMemory(EphemeralContract):
    @pytest.fixture
    def opened(self, clock: Clock) -> Open:
        node: Ephemeral = MemoryEphemeral(clock=clock)
        return lambda: nullcontext(node)

    @pytest.fixture
    def pass_time(self, clock: Clock) -> PassTime:
        return clock.pass_time

    async def test_memory_is_bounded_by_what_is_alive(self, clock: Clock) -> None:
        node = MemoryEphemeral(clock=clock)
        for n in range(20_000):
            clock.now += 0.01
            await node.leases.put(f"lease-{n}", "x", ttl=1)
            await node.rates.take(f"bucket-{n}", rate=1, burst=1)
        assert len(node.leases) < 2_000
        assert len(node.rates) < 2_000
