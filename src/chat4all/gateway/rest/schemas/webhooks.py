"""Outgoing webhooks: endpoints, and what became of each event."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from chat4all.domain.webhooks import Attempt, Delivery, DeliveryState, Disabled, Endpoint
from chat4all.gateway.rest.schemas.text import NO_NUL, Uuid

EventKind = Literal["message", "edited", "deleted", "reaction", "status", "conversation"]
EventKinds = Annotated[
    list[EventKind],
    Meta(max_length=20, description="The kinds of events wanted; empty for all of them."),
]
Address = Annotated[
    str,
    Meta(
        min_length=10,
        max_length=2_000,
        pattern="^https?://[!-~]+\\Z",
        description="An https address in the public network, without user and fragment.",
    ),
]
Description = Annotated[str, Meta(max_length=200, extra_json_schema=NO_NUL)]
Moment = Annotated[datetime, Meta(tz=True)]


class NewWebhookEndpoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where events are to be posted.

    An `ordered` endpoint gets the events of a conversation one after the other: one that it
    refuses holds back what follows there. Without it each is tried by itself.
    """

    url: Address
    events: EventKinds = []
    description: Description = ""
    ordered: bool = True


class WebhookEndpointChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed; what is left out stays."""

    url: Address | UnsetType = UNSET
    events: EventKinds | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class WebhookEndpointObject(Struct, frozen=True, kw_only=True):
    """An endpoint.

    `disabled_reason` is null while it is enabled: `owner` switched it off, it answered 410
    (`gone`), it was `failing` for days, or too much waited for it (`backlog`).
    `failing_since` is when the first of the failures came that no success followed.
    """

    id: str
    url: str
    events: list[str]
    description: str
    ordered: bool
    enabled: bool
    disabled_reason: Disabled | None
    failing_since: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        """Return `endpoint` without its secrets."""
        return cls(**_shown(endpoint))


class WebhookEndpointWithSecret(WebhookEndpointObject, frozen=True, kw_only=True):
    """An endpoint with the secret that its signatures are made with; shown this once."""

    secret: str

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        """Return `endpoint` with its newest secret."""
        return cls(**_shown(endpoint), secret=endpoint.secrets[0].value)


class WebhookEndpointList(Struct, frozen=True, kw_only=True):
    """All endpoints of the caller, oldest first."""

    items: list[WebhookEndpointObject]
    next: None = None


class WebhookAttempt(Struct, frozen=True, kw_only=True):
    """One try: the `status` and the beginning of the answer, or why there was none."""

    at: datetime
    seconds: float
    status: int | None
    error: str | None
    answer: str

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """Return `attempt`."""
        return cls(
            at=attempt.at,
            seconds=attempt.seconds,
            status=attempt.status,
            error=attempt.error,
            answer=attempt.answer,
        )


class WebhookDelivery(Struct, frozen=True, kw_only=True):
    """An event on its way. `tries` are the last five; `next_at` is null behind another one."""

    id: str
    event_id: str
    type: str
    state: DeliveryState
    attempts: int
    tries: list[WebhookAttempt]
    next_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Return `delivery`."""
        return cls(
            id=delivery.id,
            event_id=delivery.event_id,
            type=delivery.type,
            state=delivery.state,
            attempts=delivery.attempts,
            tries=[WebhookAttempt.of(one) for one in delivery.tries],
            next_at=delivery.next_at,
            created_at=delivery.created_at,
        )


class WebhookDeliveryPage(Struct, frozen=True, kw_only=True):
    """Deliveries, the newest first."""

    items: list[WebhookDelivery]
    next: str | None


class WebhookReplay(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to deliver again: `event_ids`, or what was kept from `since` to before `until`."""

    event_ids: Annotated[list[Uuid], Meta(min_length=1, max_length=100)] | None = None
    since: Moment | None = None
    until: Moment | None = None


class WebhookReplayed(Struct, frozen=True, kw_only=True):
    """How many events are delivered again."""

    events: int


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.events),
        "description": endpoint.description,
        "ordered": endpoint.ordered,
        "enabled": endpoint.enabled,
        "disabled_reason": endpoint.disabled,
        "failing_since": endpoint.failing_since,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    }
