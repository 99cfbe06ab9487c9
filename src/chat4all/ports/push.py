"""Pushes: the devices that take them, the notices that wait for them, and what sends."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from chat4all.domain.ids import SubscriptionId, UserId
from chat4all.domain.push import PushNotice, PushSubscription


class PushSubscriptions(Protocol):
    """The devices that take pushes. Durable."""

    async def put(self, subscription: PushSubscription) -> None:
        """Keep a device, new or changed. One that changes hands loses what waits for it."""
        ...

    async def get(self, subscription: SubscriptionId) -> PushSubscription | None:
        """Return one device."""
        ...

    async def of_users(self, users: Collection[UserId]) -> Sequence[PushSubscription]:
        """Return the devices of users, oldest first."""
        ...

    async def any_kept(self) -> bool:
        """Say whether there is a device at all; cheap."""
        ...

    async def remove(self, subscription: SubscriptionId) -> None:
        """Forget a device and what waits for it; an unknown id is no error."""
        ...


class PushNotices(Protocol):
    """What waits for devices: at most one notice for each device and conversation. Durable."""

    async def add(self, notices: Sequence[PushNotice], *, at: datetime) -> None:
        """Keep notices, due at `at`. A later message takes the place of an earlier one.

        It does not become due earlier where a push service asked for patience: then
        `attempts` and `next_at` stay. One that is not later, or whose device is gone,
        changes nothing.
        """
        ...

    async def due(
        self, at: datetime, *, limit: int, without: Collection[UserId] = ()
    ) -> Sequence[PushNotice]:
        """Return notices whose time has come, longest due first, none of users of `without`."""
        ...

    async def again(self, notice: PushNotice) -> None:
        """Keep `attempts` and `next_at`, also if a later message has taken the place."""
        ...

    async def done(self, notice: PushNotice) -> None:
        """Forget a notice, unless a later message has taken its place."""
        ...


class Urgency(StrEnum):
    """How much a device may be woken for. https://www.rfc-editor.org/rfc/rfc8030#section-5.3."""

    NORMAL = "normal"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What a device is sent.

    `title` (up to 100 characters) and `text` are shown, `data` is for the app, under names
    that no push service has for itself; `unread` is for its badge, and `thread` is the
    same for all that is shown together. A push service forgets it after `ttl` seconds, and
    with it one of the same `topic` (up to 32 characters of base64url) that it has not
    delivered yet.
    """

    title: str = field(repr=False)
    text: str = field(repr=False)
    data: Mapping[str, str | int] = field(repr=False)
    unread: int | None = None
    thread: str
    topic: str
    ttl: int
    urgency: Urgency = Urgency.HIGH


class PushResult(StrEnum):
    """What a push service said."""

    TAKEN = "taken"
    GONE = "gone"
    """There is no such device any more; it never comes back."""
    LATER = "later"
    """It was not taken now, and may be another time."""
    REFUSED = "refused"
    """It is not taken, however often it is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOutcome:
    """What became of one push, and why in words.

    With LATER perhaps the seconds to wait, with GONE perhaps since when: a device that was
    registered after that is not gone.
    """

    result: PushResult
    retry_after: float | None = None
    gone_since: datetime | None = None
    detail: str = ""


class PushSender(Protocol):
    """Brings pushes to devices. Every implementation passes `PushSenderContract`."""

    async def check(self, subscription: PushSubscription) -> None:
        """Raise `InvalidInput` unless the device could be pushed to, as far as is known now."""
        ...

    async def send(self, subscription: PushSubscription, push: Push) -> PushOutcome:
        """Hand one push to the device's push service, and say what it answered.

        Its text is cut to what the service takes. A repeat is harmless. Never raises for
        what the push service does.
        """
        ...
