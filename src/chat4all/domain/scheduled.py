"""Messages that are to be sent later.

scheduled ──> sending ──> sent
   │ │           └──────> failed
   │ └─> cancelled
   └───────────────────── (changed: its content, its time)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chat4all.domain.drafts import Draft
from chat4all.domain.errors import InvalidInput
from chat4all.domain.ids import MessageId, UserId
from chat4all.domain.status import Failure

MAX_WAITING = 1_000
"""Messages of one user that may wait."""
FARTHEST = timedelta(days=366)
"""How far ahead a message may be sent: the same day of the next year is near enough."""
GRACE = timedelta(minutes=1)
"""A time that is past by no more is now: clocks differ, and a request takes its time."""


class ScheduleState(StrEnum):
    """How far it has come. Only what is SCHEDULED can be changed or cancelled."""

    SCHEDULED = "scheduled"
    SENDING = "sending"
    """It is being handed to the log: it may be there already, so it is too late to change it."""
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def waits(self) -> bool:
        """Say whether there is something left to do."""
        return self in {ScheduleState.SCHEDULED, ScheduleState.SENDING}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledMessage:
    """A message that goes out at `send_at`, under the id that its draft has.

    `zone` is the time zone in which its sender thinks of the time, `actor` the service account
    that wrote it for them, `digest` what it was created with. `first_at` is when it was first
    tried, `sent_at` when the log had it, `error` why it was not. `version` counts its changes.
    """

    message_id: MessageId
    sender: UserId
    draft: Draft
    send_at: datetime
    digest: str
    created_at: datetime
    updated_at: datetime
    zone: str | None = None
    actor: UserId | None = None
    state: ScheduleState = ScheduleState.SCHEDULED
    version: int = 1
    first_at: datetime | None = None
    sent_at: datetime | None = None
    error: Failure | None = None

    def began(self, at: datetime) -> ScheduledMessage:
        """Return it as it is while it is handed over."""
        return replace(self, state=ScheduleState.SENDING, first_at=self.first_at or at)

    def sent(self, at: datetime) -> ScheduledMessage:
        """Return it as it is once the log has it."""
        return replace(self, state=ScheduleState.SENT, sent_at=at)

    def failed(self, code: str, text: str) -> ScheduledMessage:
        """Return it as it is when it will never be sent."""
        return replace(self, state=ScheduleState.FAILED, error=Failure(code=code, text=text))

    def cancelled(self) -> ScheduledMessage:
        """Return it as it is when its sender wants it no more."""
        return replace(self, state=ScheduleState.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAt:
    """When to send: an instant, and perhaps the zone it was thought of in."""

    at: datetime
    zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How many wait in all, and since when the longest due one is due."""

    count: int = 0
    due_since: datetime | None = None


def check_time(at: datetime, now: datetime) -> None:
    """Refuse a time that is past or too far ahead. Raises `InvalidInput`."""
    if at < now - GRACE:
        raise InvalidInput("this time is past; to send now, just send", [("/send_at", "is past")])
    if at > now + FARTHEST:
        raise InvalidInput(
            "messages are scheduled at most a year ahead", [("/send_at", "more than a year ahead")]
        )
