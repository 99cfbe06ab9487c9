"""One thing to do on one channel for one recipient: a record of `outbound.<channel>`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chat4all.domain.ids import AccountId, ConversationId, MessageId, UserId
from chat4all.domain.payload import Payload
from chat4all.domain.status import Status


class DeliveryKind(StrEnum):
    """What is to be done at the platform."""

    MESSAGE = "message"
    EDIT = "edit"
    DELETE = "delete"
    REACTIONS = "reactions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """A call of a platform in vain, after which another one was made: our code and its words."""

    at: datetime
    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTask:
    """Do `kind` for `message_id` at `address`, which is how `user_id` is reached.

    In a group of the platform `others` are reached by the same call, and are reported with.

    `task_id` follows from the command it serves, so a repeat is recognised. `emojis` are
    the reactions the message should show from our side. `from_name` is set where several
    people's messages arrive in one chat. After `expires_at` it is no longer worth doing,
    nor once the message has come to the status `unless` by another channel. `why` is the word
    for why this channel was chosen; None on the channels tried after the first.
    """

    task_id: str
    kind: DeliveryKind
    channel: str
    account_id: AccountId
    address: str
    user_id: UserId
    conversation_id: ConversationId
    message_id: MessageId
    expires_at: datetime
    payload: Payload | None = None
    from_name: str | None = None
    reply_to: MessageId | None = None
    emojis: tuple[str, ...] = ()
    unless: Status | None = None
    others: tuple[UserId, ...] = ()
    why: str | None = None

    @property
    def users(self) -> tuple[UserId, ...]:
        """Return all whom it reaches."""
        return (self.user_id, *self.others)
