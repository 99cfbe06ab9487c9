"""Outgoing webhooks in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from chat4all.adapters.memory.directory_state import DirectoryState
from chat4all.domain.ids import DeliveryId, EndpointId, UserId
from chat4all.domain.webhooks import Delivery, DeliveryState, Endpoint


class MemoryWebhookEndpoints:
    """`WebhookEndpoints` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state

    async def put(self, endpoint: Endpoint) -> None:
        """See `WebhookEndpoints.put`."""
        kept = self._state.endpoints.get(endpoint.id)
        self._state.endpoints[endpoint.id] = replace(
            endpoint,
            failing_since=kept.failing_since if kept else None,
            resting_until=kept.resting_until if kept else None,
        )

    async def fares(
        self,
        endpoint: EndpointId,
        *,
        failing_since: datetime | None,
        resting_until: datetime | None,
    ) -> None:
        """See `WebhookEndpoints.fares`."""
        kept = self._state.endpoints.get(endpoint)
        if kept is not None:
            changed = replace(kept, failing_since=failing_since, resting_until=resting_until)
            self._state.endpoints[endpoint] = changed

    async def get(self, endpoint: EndpointId) -> Endpoint | None:
        """See `WebhookEndpoints.get`."""
        return self._state.endpoints.get(endpoint)

    async def of_owner(self, owner: UserId) -> Sequence[Endpoint]:
        """See `WebhookEndpoints.of_owner`."""
        found = [one for one in self._state.endpoints.values() if one.owner_id == owner]
        return sorted(found, key=lambda one: one.id)

    async def enabled_of(self, owners: Collection[UserId]) -> Sequence[Endpoint]:
        """See `WebhookEndpoints.enabled_of`."""
        found = self._state.endpoints.values()
        return [one for one in found if one.enabled and one.owner_id in owners]

    async def any_enabled(self) -> bool:
        """See `WebhookEndpoints.any_enabled`."""
        return any(one.enabled for one in self._state.endpoints.values())

    async def remove(self, endpoint: EndpointId) -> None:
        """See `WebhookEndpoints.remove`."""
        self._state.endpoints.pop(endpoint, None)
        kept = self._state.deliveries
        for name in [one.id for one in kept.values() if one.endpoint_id == endpoint]:
            del kept[name]


class MemoryWebhookDeliveries:
    """`WebhookDeliveries` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state

    async def add(self, deliveries: Sequence[Delivery], *, at: datetime) -> int:
        """See `WebhookDeliveries.add`."""
        known = {(one.endpoint_id, one.event_id) for one in self._all()}
        new = 0
        for one in deliveries:
            key = one.endpoint_id, one.event_id
            if key not in known and one.endpoint_id in self._state.endpoints:
                known.add(key)
                self._state.deliveries[one.id] = replace(one, next_at=None)
                new += 1
        self._settle({(one.endpoint_id, one.lane) for one in deliveries}, at)
        return new

    async def due(
        self, at: datetime, *, limit: int, without: Collection[EndpointId] = ()
    ) -> Sequence[Delivery]:
        """See `WebhookDeliveries.due`."""
        found = []
        for one in self._all():
            endpoint = self._state.endpoints[one.endpoint_id]
            rests = endpoint.resting_until is not None and endpoint.resting_until > at
            if not endpoint.enabled or rests or one.endpoint_id in without:
                continue
            if one.next_at is not None and one.next_at <= at:
                found.append((one.next_at, one.id, one))
        return [one for _, _, one in sorted(found, key=lambda each: each[:2])[:limit]]

    async def attempted(self, delivery: Delivery, *, at: datetime) -> Delivery | None:
        """See `WebhookDeliveries.attempted`."""
        if delivery.id in self._state.deliveries:
            self._state.deliveries[delivery.id] = delivery
        lane = delivery.endpoint_id, delivery.lane
        self._settle({lane}, at)
        for one in self._all():
            if (one.endpoint_id, one.lane) == lane and one.next_at and one.next_at <= at:
                return one
        return None

    async def page(
        self, endpoint: EndpointId, *, before: DeliveryId | None = None, limit: int
    ) -> Sequence[Delivery]:
        """See `WebhookDeliveries.page`."""
        found = [one for one in self._all() if one.endpoint_id == endpoint]
        earlier = [one for one in found if before is None or one.id < before]
        return sorted(earlier, key=lambda one: one.id, reverse=True)[:limit]

    async def replay(
        self,
        endpoint: EndpointId,
        *,
        events: Collection[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        at: datetime,
        limit: int,
    ) -> int:
        """See `WebhookDeliveries.replay`."""
        meant = [
            one
            for one in self._all()
            if one.endpoint_id == endpoint
            and (events is None or one.event_id in events)
            and (since is None or one.created_at >= since)
            and (until is None or one.created_at < until)
        ]
        if len(meant) <= limit:
            for one in meant:
                self._state.deliveries[one.id] = replace(
                    one, state=DeliveryState.PENDING, next_at=None, first_at=None
                )
            self._settle({(endpoint, one.lane) for one in meant}, at)
        return len(meant)

    async def crowded(self, limit: int) -> Sequence[EndpointId]:
        """See `WebhookDeliveries.crowded`."""
        counts = dict.fromkeys([k for k, one in self._state.endpoints.items() if one.enabled], 0)
        for one in self._all():
            if one.endpoint_id in counts and one.state is DeliveryState.PENDING:
                counts[one.endpoint_id] += 1
        return [endpoint for endpoint, count in counts.items() if count > limit]

    async def forget(self, before: datetime) -> int:
        """See `WebhookDeliveries.forget`."""
        old = [one for one in self._all() if one.created_at < before]
        for one in old:
            del self._state.deliveries[one.id]
        self._settle({(one.endpoint_id, one.lane) for one in old}, before)
        return len(old)

    def _all(self) -> list[Delivery]:
        return list(self._state.deliveries.values())

    def _settle(self, lanes: Iterable[tuple[EndpointId, str]], at: datetime) -> None:
        """Give the first pending one of each lane a time, and no other one."""
        for lane in set(lanes):
            pending = [
                one
                for one in self._all()
                if (one.endpoint_id, one.lane) == lane and one.state is DeliveryState.PENDING
            ]
            for index, one in enumerate(sorted(pending, key=lambda one: (one.place, one.id))):
                time = (one.next_at or at) if index == 0 else None
                self._state.deliveries[one.id] = replace(one, next_at=time)
