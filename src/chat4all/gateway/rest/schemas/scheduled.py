"""Messages that are to be sent later."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from chat4all.domain.failover import Deadlines
from chat4all.domain.local_time import moment_of, shown_in
from chat4all.domain.scheduled import ScheduledMessage, ScheduleState, SendAt
from chat4all.domain.status import Failure
from chat4all.gateway.rest.schemas.messages import Failover, NewMessage
from chat4all.gateway.rest.schemas.payloads import AnyPayload, shown
from chat4all.gateway.rest.schemas.push import Zone

Moment = Annotated[
    str,
    Meta(
        min_length=16,
        max_length=40,
        pattern=(
            r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
            r"([Zz]|[+-][0-9]{2}:[0-9]{2})?\Z"
        ),
        description=(
            "A time of RFC 3339, or without an offset the time on a clock in `time_zone`: of a "
            "time that is there twice the first, and instead of one that is leapt over as much "
            "later as the leap is wide. At most a year ahead."
        ),
    ),
]


class NewScheduledMessage(NewMessage, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message as for sending now, and when to send it.

    `message_id` makes a repeat harmless, and is the id that the message will have.
    """

    send_at: Moment
    time_zone: Zone | None = None

    def when(self) -> SendAt:
        """Return the time that is meant. Raises `InvalidInput`."""
        return _when(self.send_at, self.time_zone)


class ScheduledMessageChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed; what is left out stays.

    A `send_at` without an offset is a time in `time_zone`, or in the zone that the message has.
    """

    payload: AnyPayload | UnsetType = UNSET
    send_at: Moment | UnsetType = UNSET
    time_zone: Zone | UnsetType = UNSET

    def when(self, zone: str | None) -> SendAt:
        """Return the time that is meant for a message that has `zone`. Raises `InvalidInput`."""
        given = zone if isinstance(self.time_zone, UnsetType) else self.time_zone
        return _when("" if isinstance(self.send_at, UnsetType) else self.send_at, given)


class ScheduleError(Struct, frozen=True, kw_only=True):
    """Why it was not sent."""

    code: str
    text: str

    @classmethod
    def of(cls, failure: Failure) -> Self:
        """Return `failure`."""
        return cls(code=failure.code, text=failure.text)


class ScheduledMessageObject(Struct, frozen=True, kw_only=True):
    """A scheduled message.

    `local_time` is `send_at` on a clock in `time_zone`. Only while it is `scheduled` can it be
    changed or cancelled; `failed` comes with `error`, `sent` with `sent_at`.
    """

    message_id: str
    conversation_id: str
    payload: AnyPayload
    to: list[str] | None
    channels: list[str]
    reply_to: str | None
    failover: Failover | None
    metadata: dict[str, Any]
    send_at: datetime
    time_zone: str | None
    local_time: datetime | None
    state: ScheduleState
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None
    error: ScheduleError | None

    @classmethod
    def of(cls, message: ScheduledMessage) -> Self:
        """Return `message` as the API shows it."""
        draft, zone = message.draft, message.zone
        return cls(
            message_id=message.message_id,
            conversation_id=draft.conversation_id,
            payload=shown(draft.payload),
            to=None if draft.to is None else list(draft.to),
            channels=list(draft.channels),
            reply_to=draft.reply_to,
            failover=None if draft.failover is None else _failover(draft.failover),
            metadata=dict(draft.metadata),
            send_at=message.send_at,
            time_zone=zone,
            local_time=None if zone is None else shown_in(message.send_at, zone),
            state=message.state,
            created_at=message.created_at,
            updated_at=message.updated_at,
            sent_at=message.sent_at,
            error=None if message.error is None else ScheduleError.of(message.error),
        )


class ScheduledMessagePage(Struct, frozen=True, kw_only=True):
    """Scheduled messages by their time."""

    items: list[ScheduledMessageObject]
    next: str | None


def _when(text: str, zone: str | None) -> SendAt:
    return SendAt(at=moment_of(text, zone, "/send_at", "/time_zone"), zone=zone)


def _failover(deadlines: Deadlines) -> Failover:
    return Failover(deliver_within=deadlines.deliver_within, read_within=deadlines.read_within)
