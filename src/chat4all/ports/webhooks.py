"""Outgoing webhooks: their endpoints, the deliveries to them, and what posts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chat4all.domain.ids import DeliveryId, EndpointId, UserId
from chat4all.domain.webhooks import Delivery, Endpoint


class WebhookEndpoints(Protocol):
    """Where users want to be told of events. Durable."""

    async def put(self, endpoint: Endpoint) -> None:
        """Keep an endpoint, new or changed, except how it fares: see `fares`."""
        ...

    async def fares(
        self,
        endpoint: EndpointId,
        *,
        failing_since: datetime | None,
        resting_until: datetime | None,
    ) -> None:
        """Keep how an endpoint fares; an unknown id is no error."""
        ...

    async def get(self, endpoint: EndpointId) -> Endpoint | None:
        """Return one endpoint."""
        ...

    async def of_owner(self, owner: UserId) -> Sequence[Endpoint]:
        """Return the endpoints of a user, oldest first."""
        ...

    async def enabled_of(self, owners: Collection[UserId]) -> Sequence[Endpoint]:
        """Return the enabled endpoints of users."""
        ...

    async def any_enabled(self) -> bool:
        """Say whether there is an enabled endpoint at all; cheap."""
        ...

    async def remove(self, endpoint: EndpointId) -> None:
        """Forget an endpoint and its deliveries; an unknown id is no error."""
        ...


class WebhookDeliveries(Protocol):
    """Events on their way to endpoints. Durable.

    In each lane of an endpoint the pending delivery with the least place is the first; only
    that one is ever due.
    """

    async def add(self, deliveries: Sequence[Delivery], *, at: datetime) -> int:
        """Keep deliveries, due at once where they are first; return how many were new.

        One whose endpoint has the event already, or is gone, is left out.
        """
        ...

    async def due(
        self, at: datetime, *, limit: int, without: Collection[EndpointId] = ()
    ) -> Sequence[Delivery]:
        """Return the first pending ones whose time has come, longest due first.

        Left out are endpoints that are disabled, that rest at `at`, and those of `without`.
        """
        ...

    async def attempted(self, delivery: Delivery, *, at: datetime) -> Delivery | None:
        """Keep what became of a delivery; when it is done, the next of its lane is due.

        Returns the one of its lane that is due at `at`, whatever its endpoint does. A
        delivery that is not there any more is no error.
        """
        ...

    async def page(
        self, endpoint: EndpointId, *, before: DeliveryId | None = None, limit: int
    ) -> Sequence[Delivery]:
        """Return deliveries of an endpoint, the newest first."""
        ...

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
        """Make deliveries pending again: those of `events`, or kept from `since` to `until`.

        `until` itself is not among them. Returns how many were meant; more than `limit`, and
        nothing is changed, when these are too many.
        """
        ...

    async def crowded(self, limit: int) -> Sequence[EndpointId]:
        """Return the enabled endpoints for which more than `limit` deliveries are pending."""
        ...

    async def forget(self, before: datetime) -> int:
        """Drop the deliveries that were kept before then; return how many."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a receiver said: the status, the first characters, and when to come again.

    Without a `status` there was none, and `error` says why.
    """

    status: int | None = None
    text: str = ""
    error: str | None = None
    retry_after: float | None = None


class Post(Protocol):
    """Posts to addresses that strangers gave."""

    async def check(self, url: str) -> None:
        """Raise `InvalidInput` unless `url` may be called, as far as can be told now."""
        ...

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post `body`; follow no redirect, and read only the beginning of the answer.

        Whether the address may be called is decided again, for the connection that is made.
        Never raises for what the receiver does.
        """
        ...
