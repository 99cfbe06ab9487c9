"""What every `Ephemeral` must do. Bind it in about ten lines: see tests/contract/."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from chat4all.ports.ephemeral import Ephemeral

PATIENCE = 30.0  # seconds after which something that should have come is a failure
LISTENER_LIMIT = 10_000

PassTime = Callable[[float], Awaitable[None]]
Open = Callable[[], AbstractAsyncContextManager[Ephemeral]]


class EphemeralContract(ABC):
    """Binds with a fixture `opened`, and `pass_time` where the clock can be moved."""

    @pytest.fixture
    @abstractmethod
    def opened(self) -> Open:
        """Return what opens one more node on the same state, which begins empty."""

    @pytest.fixture
    def pass_time(self) -> PassTime:
        """Return what lets seconds pass for the backend."""
        return asyncio.sleep

    @pytest.fixture
    async def node(self, opened: Open) -> AsyncIterator[Ephemeral]:
        """One node."""
        async with opened() as node:
            yield node

    @pytest.fixture
    async def peer(self, opened: Open) -> AsyncIterator[Ephemeral]:
        """Another node on the same state."""
        async with opened() as peer:
            yield peer

    async def test_a_lease_is_seen_by_every_node(self, node: Ephemeral, peer: Ephemeral) -> None:
        await node.leases.put("a", "1", ttl=60)
        await node.leases.put("b", "2", ttl=60)
        assert dict(await peer.leases.get_many(["a", "b", "c"])) == {"a": "1", "b": "2"}
        assert dict(await peer.leases.get_many([])) == {}

    async def test_a_lease_ends_unless_renewed(self, node: Ephemeral, pass_time: PassTime) -> None:
        await node.leases.put("kept", "1", ttl=0.4)
        await node.leases.put("left", "1", ttl=0.4)
        await pass_time(0.25)
        await node.leases.put("kept", "2", ttl=0.4)
        await pass_time(0.25)
        assert dict(await node.leases.get_many(["kept", "left"])) == {"kept": "2"}
        await pass_time(0.5)
        assert dict(await node.leases.get_many(["kept", "left"])) == {}

    async def test_a_dropped_lease_is_gone_at_once(self, node: Ephemeral) -> None:
        await node.leases.put("a", "1", ttl=60)
        await node.leases.drop("a")
        await node.leases.drop("never there")
        assert dict(await node.leases.get_many(["a"])) == {}

    async def test_of_many_claims_one_succeeds(self, node: Ephemeral, peer: Ephemeral) -> None:
        answers = await asyncio.gather(
            *((node, peer)[n % 2].leases.claim("key", f"claim-{n}", ttl=60) for n in range(20))
        )
        assert answers.count(None) == 1
        winner = f"claim-{answers.index(None)}"
        assert {answer for answer in answers if answer is not None} == {winner}
        assert dict(await peer.leases.get_many(["key"])) == {"key": winner}

    async def test_a_claim_is_free_again_when_it_ended_or_was_dropped(
        self, node: Ephemeral, pass_time: PassTime
    ) -> None:
        assert await node.leases.claim("key", "first", ttl=0.3) is None
        assert await node.leases.claim("key", "second", ttl=60) == "first"
        await pass_time(0.4)
        assert await node.leases.claim("key", "second", ttl=60) is None
        await node.leases.drop("key")
        assert await node.leases.claim("key", "third", ttl=60) is None

    async def test_a_refused_claim_does_not_renew(
        self, node: Ephemeral, pass_time: PassTime
    ) -> None:
        assert await node.leases.claim("key", "first", ttl=0.4) is None
        await pass_time(0.25)
        assert await node.leases.claim("key", "second", ttl=60) == "first"
        await pass_time(0.25)
        assert dict(await node.leases.get_many(["key"])) == {}

    async def test_every_node_knows_at_which_nodes_users_are(
        self, node: Ephemeral, peer: Ephemeral
    ) -> None:
        everybody = [f"user {n}" for n in range(1_200)]
        assert set(await node.routing.arrive("one", everybody, ttl=60)) == set(everybody)
        assert list(await peer.routing.arrive("two", ["user 7"], ttl=60)) == ["user 7"]
        assert list(await node.routing.arrive("one", ["user 7"], ttl=60)) == []
        asked = [*everybody, "nobody"]
        found = {user: set(there) for user, there in (await peer.routing.nodes_of(asked)).items()}
        assert found == {user: {"one"} for user in everybody} | {"user 7": {"one", "two"}}
        await node.routing.leave("one", ["user 7", "user 8", "nobody"])
        found = {
            user: set(there)
            for user, there in (await node.routing.nodes_of(["user 7", "user 8"])).items()
        }
        assert found == {"user 7": {"two"}}
        assert dict(await node.routing.nodes_of([])) == {}

    async def test_a_place_ends_unless_renewed_and_a_renewal_says_what_was_lost(
        self, node: Ephemeral, pass_time: PassTime
    ) -> None:
        await node.routing.arrive("one", ["kept", "left"], ttl=0.4)
        await node.routing.arrive("two", ["left"], ttl=60)
        await pass_time(0.25)
        assert list(await node.routing.arrive("one", ["kept"], ttl=0.4)) == []
        await pass_time(0.25)
        found = await node.routing.nodes_of(["kept", "left"])
        assert {user: set(there) for user, there in found.items()} == {
            "kept": {"one"},
            "left": {"two"},
        }
        assert list(await node.routing.arrive("one", ["left"], ttl=60)) == ["left"]

    async def test_a_bucket_gives_its_burst_then_its_rate(
        self, node: Ephemeral, peer: Ephemeral, pass_time: PassTime
    ) -> None:
        takes = [await n.rates.take("k", rate=2, burst=3) for n in (node, peer, node)]
        assert takes == [0, 0, 0]
        wait = await peer.rates.take("k", rate=2, burst=3)
        assert 0 < wait <= 0.5
        assert await peer.rates.take("other", rate=2, burst=3) == 0
        await pass_time(wait + 0.05)
        assert await node.rates.take("k", rate=2, burst=3) == 0
        assert await node.rates.take("k", rate=2, burst=3) > 0

    async def test_a_refused_take_takes_nothing(self, node: Ephemeral) -> None:
        assert await node.rates.take("k", rate=0.01, burst=5, cost=3) == 0
        wait = await node.rates.take("k", rate=0.01, burst=5, cost=4)
        assert 190 <= wait <= 200
        assert await node.rates.take("k", rate=0.01, burst=5, cost=2) == 0

    async def test_a_draw_tells_what_it_leaves(self, node: Ephemeral, peer: Ephemeral) -> None:
        drawn = await node.rates.draw("k", rate=0.01, burst=5, cost=3)
        assert (drawn.wait, round(drawn.left)) == (0, 2)
        assert await peer.rates.take("k", rate=0.01, burst=5) == 0
        refused = await node.rates.draw("k", rate=0.01, burst=5, cost=2)
        assert 90 <= refused.wait <= 100
        assert round(refused.left) == 1

    async def test_a_bucket_never_holds_more_than_its_burst(
        self, node: Ephemeral, pass_time: PassTime
    ) -> None:
        assert await node.rates.take("k", rate=20, burst=2, cost=2) == 0
        await pass_time(0.5)
        assert await node.rates.take("k", rate=20, burst=2, cost=2) == 0
        assert await node.rates.take("k", rate=20, burst=2, cost=2) > 0

    async def test_listeners_hear_what_is_published_in_order(
        self, node: Ephemeral, peer: Ephemeral
    ) -> None:
        async with node.bus.listen("t") as one, peer.bus.listen("t") as two:
            for n in range(50):
                await peer.bus.publish("t", str(n).encode())
                await peer.bus.publish("elsewhere", b"x")
            expected = [str(n).encode() for n in range(50)]
            assert await heard(one, 50) == expected
            assert await heard(two, 50) == expected

    async def test_what_nobody_hears_is_not_kept(self, node: Ephemeral) -> None:
        await node.bus.publish("t", b"before")
        async with node.bus.listen("t"):
            await node.bus.publish("t", b"left behind")
        async with node.bus.listen("t") as listener:
            await node.bus.publish("t", b"now")
            assert await heard(listener, 1) == [b"now"]

    async def test_a_listener_too_far_behind_is_ended_and_no_other(self, node: Ephemeral) -> None:
        async with node.bus.listen("t") as slow, node.bus.listen("t") as quick:
            for _ in range(LISTENER_LIMIT + 100):
                await node.bus.publish("t", b"x")
                await heard(quick, 1)
            got = 0
            async with asyncio.timeout(PATIENCE):
                async for _ in slow:
                    got += 1
            assert got <= LISTENER_LIMIT
            await node.bus.publish("t", b"y")
            assert await heard(quick, 1) == [b"y"]


async def heard(listener: AsyncIterator[bytes], count: int) -> list[bytes]:
    """Return the next `count` payloads, failing when they do not come."""
    async with asyncio.timeout(PATIENCE):
        return [await anext(listener) for _ in range(count)]
