"""Where a user wants to be told of events, and what became of each event on its way there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chat4all.domain.errors import Conflict, EndpointNotFound, InvalidInput
from chat4all.domain.ids import DeliveryId, EndpointId, UserId, new_id
from chat4all.domain.webhook_signature import new_secret
from chat4all.domain.webhooks import (
    EVENT_KINDS,
    MAX_ENDPOINTS,
    TEST,
    Delivery,
    Disabled,
    Endpoint,
    Secret,
)
from chat4all.ports.webhooks import Post, WebhookDeliveries, WebhookEndpoints
from chat4all.services.clock import Clock, utc_now
from chat4all.services.cloud_events import of_itself
from chat4all.services.unset import UNSET, Unset

OVERLAP = timedelta(hours=24)
"""For how long a secret still signs after it was rotated."""
MAX_REPLAY = 10_000
"""Events of one replay."""


class Webhooks:
    """One owner's endpoints. Another owner's raise `EndpointNotFound`, as if not there."""

    def __init__(
        self,
        endpoints: WebhookEndpoints,
        deliveries: WebhookDeliveries,
        post: Post,
        *,
        source: str,
        now: Clock = utc_now,
    ) -> None:
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._post = post
        self._source = source
        self._now = now

    async def create(
        self,
        owner: UserId,
        *,
        url: str,
        events: Sequence[str] = (),
        description: str = "",
        ordered: bool = True,
    ) -> Endpoint:
        """Add an endpoint; its secret is in it.

        Raises `InvalidInput` for an address that may not be called, `Conflict` when there
        are too many already.
        """
        _check_events(events)
        if len(await self._endpoints.of_owner(owner)) >= MAX_ENDPOINTS:
            raise Conflict(f"you have {MAX_ENDPOINTS} webhook endpoints; delete one first")
        await self._post.check(url)
        now = self._now()
        endpoint = Endpoint(
            id=EndpointId(new_id()),
            owner_id=owner,
            url=url,
            secrets=(Secret(value=new_secret()),),
            events=tuple(dict.fromkeys(events)),
            description=description,
            ordered=ordered,
            created_at=now,
            updated_at=now,
        )
        await self._endpoints.put(endpoint)
        return endpoint

    async def list(self, owner: UserId) -> Sequence[Endpoint]:
        """Return the endpoints, oldest first."""
        return await self._endpoints.of_owner(owner)

    async def get(self, owner: UserId, endpoint: EndpointId) -> Endpoint:
        """Return one endpoint."""
        found = await self._endpoints.get(endpoint)
        if found is None or found.owner_id != owner:
            raise EndpointNotFound(f"there is no webhook endpoint {endpoint}")
        return found

    async def change(
        self,
        owner: UserId,
        endpoint: EndpointId,
        *,
        url: str | Unset = UNSET,
        events: Sequence[str] | Unset = UNSET,
        description: str | Unset = UNSET,
        enabled: bool | Unset = UNSET,
    ) -> Endpoint:
        """Change what is given. Switching on forgets the failures before."""
        found = await self.get(owner, endpoint)
        if not isinstance(url, Unset):
            await self._post.check(url)
            found = replace(found, url=url)
        if not isinstance(events, Unset):
            _check_events(events)
            found = replace(found, events=tuple(dict.fromkeys(events)))
        if not isinstance(description, Unset):
            found = replace(found, description=description)
        if not isinstance(enabled, Unset) and enabled is not found.enabled:
            found = replace(found, disabled=None if enabled else Disabled.OWNER)
            await self._endpoints.fares(endpoint, failing_since=None, resting_until=None)
        changed = replace(found, updated_at=self._now())
        await self._endpoints.put(changed)
        return await self.get(owner, endpoint)

    async def rotate(self, owner: UserId, endpoint: EndpointId) -> Endpoint:
        """Give the endpoint a new secret; the one before signs along for `OVERLAP`."""
        found = await self.get(owner, endpoint)
        now = self._now()
        newest = found.secrets[0]
        secrets = (Secret(value=new_secret()), replace(newest, until=now + OVERLAP))
        changed = replace(found, secrets=secrets, updated_at=now)
        await self._endpoints.put(changed)
        return changed

    async def remove(self, owner: UserId, endpoint: EndpointId) -> None:
        """Forget an endpoint and what was delivered to it."""
        await self.get(owner, endpoint)
        await self._endpoints.remove(endpoint)

    async def deliveries(
        self,
        owner: UserId,
        endpoint: EndpointId,
        *,
        before: DeliveryId | None = None,
        limit: int,
    ) -> Sequence[Delivery]:
        """Return what was and is to be delivered, the newest first."""
        await self.get(owner, endpoint)
        return await self._deliveries.page(endpoint, before=before, limit=limit)

    async def test(self, owner: UserId, endpoint: EndpointId) -> Delivery:
        """Have an event of no meaning delivered. Raises `Conflict` for one switched off."""
        found = await self.get(owner, endpoint)
        if not found.enabled:
            raise Conflict("this webhook endpoint is switched off; switch it on first")
        now = self._now()
        data = {"endpoint_id": endpoint}
        delivery = of_itself(found, TEST, data, source=self._source, at=now)
        await self._deliveries.add([delivery], at=now)
        return delivery

    async def replay(
        self,
        owner: UserId,
        endpoint: EndpointId,
        *,
        events: Collection[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """Deliver again: `events` by their ids, or all kept from `since` to before `until`.

        Returns how many. Raises `InvalidInput` when nothing limits them, or when they are
        more than `MAX_REPLAY`.
        """
        await self.get(owner, endpoint)
        if events is None and since is None:
            raise InvalidInput(
                "say what to deliver again: `event_ids`, or a time by `since`",
                [("/since", "missing")],
            )
        found = await self._deliveries.replay(
            endpoint, events=events, since=since, until=until, at=self._now(), limit=MAX_REPLAY
        )
        if found > MAX_REPLAY:
            raise InvalidInput(
                f"one replay takes {MAX_REPLAY:,} events, and these are more; ask for a "
                "shorter time",
                [("/since", "too many events")],
            )
        return found


def _check_events(events: Sequence[str]) -> None:
    for index, one in enumerate(events):
        if one not in EVENT_KINDS:
            raise InvalidInput(
                f"there are no events of the kind {one[:40]}; there are {', '.join(EVENT_KINDS)}",
                [(f"/events/{index}", "unknown kind")],
            )
