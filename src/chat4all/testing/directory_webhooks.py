"""What every directory promises about outgoing webhooks."""

from __future__ import annotations

from dataclasses import replace

from chat4all.domain.ids import DeliveryId, EndpointId, UserId
from chat4all.domain.webhooks import (
    Attempt,
    Delivery,
    DeliveryState,
    Disabled,
    Endpoint,
    Secret,
)
from chat4all.ports.directory import Directory
from chat4all.testing.directory_examples import minutes

SHOP = EndpointId("shop")


def endpoint(name: str = "shop", owner: str = "ana") -> Endpoint:
    """Make an endpoint."""
    return Endpoint(
        id=EndpointId(name),
        owner_id=UserId(owner),
        url="https://shop.example/hook?a=1",
        secrets=(Secret(value="whsec_bmV3"), Secret(value="whsec_b2xk", until=minutes(5))),
        events=("message", "status"),
        description="The shop",
        created_at=minutes(0),
        updated_at=minutes(1),
    )


def event(name: str, place: int, *, lane: str = "talk", to: str = "shop") -> Delivery:
    """Make a delivery that was kept in the minute of its place."""
    return Delivery(
        id=DeliveryId(f"{to}-{place:04d}-{name}"),
        endpoint_id=EndpointId(to),
        event_id=name,
        type="chat4all.message",
        lane=lane,
        place=f"{place:034d}",
        body='{"é":1}',
        trace="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        created_at=minutes(place),
    )


def delivered(one: Delivery) -> Delivery:
    """Return what a success makes of a delivery."""
    return replace(one, state=DeliveryState.DELIVERED, next_at=None, attempts=one.attempts + 1)


async def due(directory: Directory, at: float = 60) -> list[str]:
    """Return the events that are due at a minute."""
    return [one.event_id for one in await directory.deliveries.due(minutes(at), limit=100)]


class WebhookEndpointsContract:
    """Duties of `WebhookEndpoints`."""

    async def test_an_endpoint_comes_back_as_it_was_last_put(
        self, directory: Directory, peer: Directory
    ) -> None:
        made = endpoint()
        assert await directory.endpoints.get(made.id) is None
        assert not await directory.endpoints.any_enabled()
        await directory.endpoints.put(made)
        assert await peer.endpoints.get(made.id) == made
        assert await peer.endpoints.any_enabled()
        changed = replace(made, url="https://other.example/", events=(), disabled=Disabled.GONE)
        await peer.endpoints.put(changed)
        assert await directory.endpoints.get(made.id) == changed
        assert not await directory.endpoints.any_enabled()

    async def test_how_an_endpoint_fares_is_kept_apart_from_what_its_owner_changes(
        self, directory: Directory, peer: Directory
    ) -> None:
        made = endpoint()
        await directory.endpoints.put(made)
        since, until = minutes(3), minutes(9)
        await peer.endpoints.fares(made.id, failing_since=since, resting_until=until)
        await directory.endpoints.put(replace(made, description="Ours"))
        found = await peer.endpoints.get(made.id)
        expected = replace(made, description="Ours", failing_since=since, resting_until=until)
        assert found == expected
        await peer.endpoints.fares(EndpointId("none"), failing_since=None, resting_until=None)

    async def test_endpoints_are_found_by_their_owners(self, directory: Directory) -> None:
        first, second = endpoint("a"), endpoint("b")
        others = endpoint("c", owner="bia")
        off = replace(endpoint("d"), disabled=Disabled.OWNER)
        for one in (second, others, off, first):
            await directory.endpoints.put(one)
        ana, bia = UserId("ana"), UserId("bia")
        assert await directory.endpoints.of_owner(ana) == [first, second, off]
        found = await directory.endpoints.enabled_of([ana, bia, UserId("eve")])
        assert sorted(one.id for one in found) == ["a", "b", "c"]
        assert await directory.endpoints.enabled_of([]) == []

    async def test_a_removed_endpoint_is_gone_with_its_deliveries(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.endpoints.put(endpoint())
        await directory.deliveries.add([event("one", 1)], at=minutes(1))
        await peer.endpoints.remove(SHOP)
        await peer.endpoints.remove(SHOP)
        assert await directory.endpoints.get(SHOP) is None
        assert await directory.deliveries.page(SHOP, limit=10) == []
        assert await directory.deliveries.add([event("two", 2)], at=minutes(2)) == 0


class WebhookDeliveriesContract:
    """Duties of `WebhookDeliveries`."""

    async def test_an_event_is_kept_once_for_each_endpoint(
        self, directory: Directory, peer: Directory
    ) -> None:
        for name in ("shop", "till"):
            await directory.endpoints.put(endpoint(name))
        first = [event("one", 1), event("one", 1, to="till")]
        assert await directory.deliveries.add(first, at=minutes(1)) == 2
        again = replace(event("one", 1), id=DeliveryId("other"))
        assert await peer.deliveries.add([again, event("two", 2)], at=minutes(3)) == 1
        shown = await directory.deliveries.page(SHOP, limit=10)
        assert [one.id for one in shown] == ["shop-0002-two", "shop-0001-one"]

    async def test_only_the_first_of_a_lane_is_due_until_it_is_done(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.endpoints.put(endpoint())
        rows = [event("b", 2), event("a", 1), event("x", 3, lane="other"), event("c", 4)]
        await directory.deliveries.add(rows, at=minutes(4))
        assert sorted(await due(directory)) == ["a", "x"]
        assert await due(directory, 3) == []
        first, *_ = await peer.deliveries.due(minutes(5), limit=1)
        attempt = Attempt(at=minutes(5), seconds=0.25, status=500, answer="no\n")
        failed = replace(first, attempts=1, tries=(attempt,), first_at=minutes(5))
        again = replace(failed, next_at=minutes(20))
        assert await peer.deliveries.attempted(again, at=minutes(6)) is None
        assert await due(directory, 10) == ["x"]
        assert await due(directory, 20) == ["x", "a"]
        following = await peer.deliveries.attempted(delivered(failed), at=minutes(21))
        assert following == replace(event("b", 2), next_at=minutes(21))
        assert await due(directory, 21) == ["x", "b"]
        [shown] = (await directory.deliveries.page(SHOP, limit=10))[-1:]
        assert (shown.event_id, shown.attempts, shown.tries) == ("a", 2, (attempt,))

    async def test_what_comes_late_with_an_earlier_place_is_first(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.endpoints.put(endpoint())
        await directory.deliveries.add([event("b", 2)], at=minutes(2))
        await peer.deliveries.add([event("c", 3), event("a", 1)], at=minutes(3))
        assert await due(directory) == ["a"]
        # b was under way, and fails
        failed = replace(event("b", 2), attempts=1, next_at=minutes(4))
        following = await directory.deliveries.attempted(failed, at=minutes(4))
        assert following is not None
        assert following.event_id == "a"
        assert await due(directory) == ["a"]
        following = await directory.deliveries.attempted(delivered(following), at=minutes(4))
        assert following is not None
        assert following.event_id == "b"
        assert await due(directory) == ["b"]

    async def test_what_is_switched_off_rests_or_is_left_out_is_not_due(
        self, directory: Directory
    ) -> None:
        for name in ("shop", "till", "bank"):
            await directory.endpoints.put(endpoint(name))
            await directory.deliveries.add([event(name, 1, to=name)], at=minutes(1))
        await directory.endpoints.put(replace(endpoint("bank"), disabled=Disabled.OWNER))
        await directory.endpoints.fares(
            EndpointId("till"), failing_since=None, resting_until=minutes(30)
        )
        assert await due(directory, 29) == ["shop"]
        assert sorted(await due(directory, 30)) == ["shop", "till"]
        left = await directory.deliveries.due(minutes(30), limit=9, without=[SHOP])
        assert [one.event_id for one in left] == ["till"]

    async def test_a_replay_brings_back_exactly_the_range_in_its_order(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.endpoints.put(endpoint())
        for place in range(1, 6):
            one = event(f"e{place}", place)
            await directory.deliveries.add([one], at=minutes(place))
            await directory.deliveries.attempted(delivered(one), at=minutes(place))

        async def replayed(limit: int) -> int:
            return await peer.deliveries.replay(
                SHOP, since=minutes(2), until=minutes(5), at=minutes(30), limit=limit
            )

        assert await replayed(limit=2) == 3
        assert await due(directory) == []
        assert await replayed(limit=3) == 3
        found = []
        while ready := await directory.deliveries.due(minutes(31), limit=5):
            [one] = ready
            found.append(one.event_id)
            await directory.deliveries.attempted(delivered(one), at=minutes(31))
        assert found == ["e2", "e3", "e4"]
        by_id = await directory.deliveries.replay(
            SHOP, events=["e5", "e1", "none"], at=minutes(32), limit=5
        )
        assert by_id == 2
        assert await due(directory) == ["e1"]

    async def test_endpoints_with_too_much_to_do_are_told(self, directory: Directory) -> None:
        for name in ("shop", "till"):
            await directory.endpoints.put(endpoint(name))
        rows = [event(str(place), place) for place in range(3)]
        await directory.deliveries.add([*rows, event("x", 1, to="till")], at=minutes(3))
        assert await directory.deliveries.crowded(2) == [SHOP]
        assert await directory.deliveries.crowded(3) == []
        await directory.endpoints.put(replace(endpoint(), disabled=Disabled.BACKLOG))
        assert await directory.deliveries.crowded(2) == []

    async def test_what_is_old_is_forgotten_and_holds_nothing_back(
        self, directory: Directory
    ) -> None:
        await directory.endpoints.put(endpoint())
        rows = [event("old", 1), event("new", 5)]
        await directory.deliveries.add(rows, at=minutes(5))
        assert await directory.deliveries.forget(minutes(5)) == 1
        assert await due(directory) == ["new"]
