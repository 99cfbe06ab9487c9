"""Delivery status: a lattice per recipient that only moves forward."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from chat4all.domain.ids import AccountId, ConversationId, MessageId, UserId


class Status(IntEnum):
    """ACCEPTED < SENT < DELIVERED < READ; FAILED ends one attempt on one channel."""

    FAILED = 0
    ACCEPTED = 1
    SENT = 2
    DELIVERED = 3
    READ = 4

    @property
    def word(self) -> str:
        """Return the lower-case word of the API."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Status:
        """Return the status that the API calls `word`."""
        return cls[word.upper()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an attempt ended: our stable `code`, a sentence, and the platform's own words."""

    code: str
    text: str
    platform_error: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEntry:
    """One fact about one message on its way to one recipient by one channel.

    `note` says what was changed on the way (`location sent as text`), if anything.
    `external_id` is the platform's id of the message; `address` the chat it went to, of the
    connector account `account_id`.
    """

    message_id: MessageId
    conversation_id: ConversationId
    user_id: UserId
    channel: str
    status: Status
    at: datetime
    account_id: AccountId | None = None
    address: str | None = None
    external_id: str | None = None
    error: Failure | None = None
    note: str | None = None


def moves_forward(current: Status | None, new: Status) -> bool:
    """Say whether `new` adds something to an attempt that has come to `current`.

    A failure counts until the message is known to have arrived; a success after a
    failure counts (it went through on a later try); a repeat or a step back does not.
    """
    if current is None:
        return True
    if new is Status.FAILED:
        return current in (Status.ACCEPTED, Status.SENT)
    return new > current


def best(statuses: Iterable[Status]) -> Status:
    """Return how far a recipient was reached over all channels; FAILED when all failed."""
    return max(statuses, default=Status.ACCEPTED)


def overall(recipients: Iterable[Status]) -> Status:
    """Return the status of the message as a whole: that of the least reached recipient.

    Failed recipients count only when every one failed: the list of recipients names them.
    """
    seen = list(recipients)
    reached = [status for status in seen if status is not Status.FAILED]
    if reached:
        return min(reached)
    return Status.FAILED if seen else Status.SENT
