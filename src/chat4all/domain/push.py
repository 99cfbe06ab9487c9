"""Pushes: the devices that take them, what each wants, and what is on its way to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from chat4all.domain.ids import (
    ConversationId,
    MessageId,
    SubscriptionId,
    UserId,
    derived_id,
)
from chat4all.domain.local_time import zone_of

MAX_SUBSCRIPTIONS = 20
"""Devices of one user."""
ZONE = "/preferences/quiet_hours/time_zone"
"""Where the name of a zone stands in what is given."""
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


class PushKind(StrEnum):
    """By which service a device is reached."""

    WEB = "web"
    """A browser, by the push service that it chose (Web Push)."""
    FCM = "fcm"
    """An app, by Firebase Cloud Messaging."""
    APNS = "apns"
    """An app on an Apple device, by Apple's push notification service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """From `start` to before `end` on the clock of `zone`, past midnight when it ends earlier."""

    start: time
    end: time
    zone: str

    def end_after(self, at: datetime) -> datetime | None:
        """Return when the quiet hours end that `at` lies in, in UTC; None outside of them.

        Raises `InvalidInput` for a zone that this machine does not know.
        """
        zone = zone_of(self.zone, ZONE)
        today = at.astimezone(zone).date()
        nights = timedelta(days=0 if self.end > self.start else 1)
        for day in (today - timedelta(days=1), today):
            begins = datetime.combine(day, self.start, zone).astimezone(UTC)
            ends = datetime.combine(day + nights, self.end, zone).astimezone(UTC)
            if begins <= at < ends:
                return ends
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class PushPreferences:
    """What one device wants.

    Nothing of the `muted` conversations, and with `only` of no others than those. Without
    `show_content` it is told that there is a message, and not whose and what.
    """

    muted: tuple[ConversationId, ...] = ()
    only: tuple[ConversationId, ...] | None = None
    show_content: bool = True
    quiet: QuietHours | None = None

    def wants(self, conversation: ConversationId) -> bool:
        """Say whether messages of `conversation` are to be pushed."""
        return conversation not in self.muted and (self.only is None or conversation in self.only)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSubscription:
    """One device of a user. Whoever knows `endpoint` and `keys` can push to it.

    `endpoint` is where its push service takes messages for it: an address of a browser's, the
    token of an app. `keys` is what else its kind needs, by names: what a browser's pushes are
    encrypted with, or which app at which of Apple's services. `registered_at` is when the
    device itself was last here to register, `device` what its user calls it.
    """

    id: SubscriptionId
    user_id: UserId
    endpoint: str = field(repr=False)
    keys: Mapping[str, str] = field(repr=False)
    created_at: datetime
    updated_at: datetime
    registered_at: datetime
    kind: PushKind = PushKind.WEB
    device: str = ""
    preferences: PushPreferences = field(default_factory=PushPreferences)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushNotice:
    """The newest message of one conversation that waits for one device.

    `next_at` is when it is looked at next, `attempts` how often its push service was asked
    in vain. `trace` is the place in a trace from which its tries go on; see `ports/tracing.py`.
    """

    subscription_id: SubscriptionId
    user_id: UserId
    conversation_id: ConversationId
    message_id: MessageId
    seq: int
    created_at: datetime
    trace: str = ""
    attempts: int = 0
    next_at: datetime | None = None


def subscription_id(endpoint: str, kind: PushKind = PushKind.WEB) -> SubscriptionId:
    """Return the id of the device behind an address: the same device has one, whoever uses it."""
    name = endpoint if kind is PushKind.WEB else f"{kind} {endpoint}"
    return SubscriptionId(derived_id("push-subscription", name))


def fitting(text: str, most: int, written: Callable[[str], bytes]) -> bytes:
    """Return what `written` makes of `text`, cut as little as gives at most `most` bytes."""
    body = written(text)
    if len(body) <= most:
        return body
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if len(written(text[:middle] + ELLIPSIS)) <= most:
            fits = middle
        else:
            too_long = middle
    return written(text[:fits] + ELLIPSIS)
