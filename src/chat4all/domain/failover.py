"""Trying the next channel of a list when one did not bring the message."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from chat4all.domain.ids import ConversationId, MessageId, UserId

NOT_SENT_IN_TIME = "not_sent_in_time"
"""The code of an attempt that was given up before the platform had taken the message."""
SUPERSEDED = "superseded"
"""The code of an attempt that was not needed any more: another channel had delivered."""


_INSTEAD = "instead of "


@dataclass(frozen=True, slots=True)
class Instead:
    """Which channel did not bring a message, and why: a code, or `not delivered within 60 s`."""

    channel: str
    reason: str

    @property
    def note(self) -> str:
        """Return the note of the status with which the attempt on the next channel begins."""
        return f"{_INSTEAD}{self.channel}: {self.reason}"

    @classmethod
    def of(cls, note: str | None) -> Instead | None:
        """Return what such a note says; None for any other."""
        channel, colon, reason = (note or "").removeprefix(_INSTEAD).partition(": ")
        return cls(channel, reason) if colon and (note or "").startswith(_INSTEAD) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds from the start of an attempt on one channel to when the next is tried."""

    deliver_within: float | None = None
    read_within: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailoverPlan:
    """The channels by which one recipient can be reached, in the order to try them.

    `due_at` is when to look whether a deadline has passed; None when there is none.
    After `expires_at` the plan may be forgotten.
    """

    message_id: MessageId
    user_id: UserId
    conversation_id: ConversationId
    channels: tuple[str, ...]
    expires_at: datetime
    deadlines: Deadlines = field(default_factory=Deadlines)
    due_at: datetime | None = None
