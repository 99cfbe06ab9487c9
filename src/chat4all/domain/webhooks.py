"""Outgoing webhooks: where somebody wants to be told of events, and each event's way there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chat4all.domain.events import Position
from chat4all.domain.ids import DeliveryId, EndpointId, UserId

MAX_ENDPOINTS = 20
"""Endpoints of one user."""
EVENT_KINDS = ("message", "edited", "deleted", "reaction", "status", "conversation")
"""What an endpoint may ask for: the types of the WebSocket's frames that are kept."""
TYPE_PREFIX = "chat4all."
TEST = "test"
SWITCHED_OFF = "endpoint-disabled"
"""The kind of event that tells of an endpoint to the others of its owner."""


class Disabled(StrEnum):
    """Why an endpoint is told nothing."""

    OWNER = "owner"
    """Its owner switched it off."""
    GONE = "gone"
    """It answered 410."""
    FAILING = "failing"
    """It failed for days."""
    BACKLOG = "backlog"
    """Too many events waited for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret to sign with; `until` is when a rotated one ends."""

    value: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One address that events are posted to, for its owner.

    No `events` means all kinds. An `ordered` one gets the events of a conversation one after
    the other, so one that fails holds back what follows there. `secrets` has the newest first.
    `failing_since` is when the first of the failures came that no success followed.
    """

    id: EndpointId
    owner_id: UserId
    url: str
    secrets: tuple[Secret, ...]
    created_at: datetime
    updated_at: datetime
    events: tuple[str, ...] = ()
    description: str = ""
    ordered: bool = True
    disabled: Disabled | None = None
    failing_since: datetime | None = None
    resting_until: datetime | None = None

    @property
    def enabled(self) -> bool:
        """Say whether events are delivered."""
        return self.disabled is None

    def wants(self, kind: str) -> bool:
        """Say whether events of `kind` are to be delivered."""
        return not self.events or kind in self.events

    def signing(self, at: datetime) -> Sequence[str]:
        """Return the secrets that are good at a time, the newest first."""
        return [one.value for one in self.secrets if one.until is None or one.until > at]


class DeliveryState(StrEnum):
    """How far a delivery has come; FAILED is given up and can be replayed."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try: the answer's status and first characters, or the error that came instead."""

    at: datetime
    seconds: float
    status: int | None = None
    error: str | None = None
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one endpoint; unique by (`endpoint_id`, `event_id`).

    Those of one `lane` are delivered in the order of `place`, text of digits. `body` is what is
    posted, the same at each try. `tries` are the last ones, oldest first. `next_at` is None
    behind another one of its lane, and when nothing is left to do; `first_at` is when the
    delivery was first tried since it was last asked for. `trace` is the place in a trace from which
    its tries go on; see `ports/tracing.py`.
    """

    id: DeliveryId
    endpoint_id: EndpointId
    event_id: str
    type: str
    lane: str
    place: str
    body: str
    created_at: datetime
    trace: str = ""
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    tries: tuple[Attempt, ...] = ()
    first_at: datetime | None = None
    next_at: datetime | None = None


def place_of(position: Position, index: int) -> str:
    """Return the place of what stands at `index` among what one event tells; sorts as text."""
    return f"{position.partition:010d}{position.offset:019d}{index:05d}"


def place_at(moment: datetime) -> str:
    """Return the place of what stands in no log, such as a test event."""
    return f"{0:010d}{int(moment.timestamp() * 1_000_000):019d}{0:05d}"
