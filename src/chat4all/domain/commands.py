"""What is asked of a conversation: the records of the `commands` stream.

A command is accepted once the log holds it. Each names its conversation, the partition
key; its effect is the same however often the record is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chat4all.domain.delivery import Try
from chat4all.domain.failover import Deadlines
from chat4all.domain.ids import AccountId, ConversationId, MessageId, UserId
from chat4all.domain.payload import Payload
from chat4all.domain.status import StatusEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitMessage:
    """Give this message a place in its conversation and bring it to its recipients.

    `digest` identifies the content, so the same id with another content is told apart.
    `channels` is the sender's order of preference; empty leaves it to the recipient.
    `failover` says when the next of them is tried, besides when one fails.
    `history` marks an imported message: kept, numbered, shown, and sent to nobody.
    """

    message_id: MessageId
    conversation_id: ConversationId
    sender: UserId
    payload: Payload
    accepted_at: datetime
    digest: str
    channel: str = "app"
    to: tuple[UserId, ...] | None = None
    channels: tuple[str, ...] = ()
    reply_to: MessageId | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    account_id: AccountId | None = None
    address: str | None = None
    external_id: str | None = None
    history: bool = False
    failover: Deadlines | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditMessage:
    """Replace the payload; only the sender's edits have an effect."""

    conversation_id: ConversationId
    message_id: MessageId
    actor: UserId
    payload: Payload
    at: datetime
    channel: str = "app"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteMessage:
    """Remove the content for everyone, or hide the message from `actor` alone."""

    conversation_id: ConversationId
    message_id: MessageId
    actor: UserId
    for_everyone: bool
    at: datetime
    channel: str = "app"


@dataclass(frozen=True, slots=True, kw_only=True)
class React:
    """Give, or with `removed` take back, one emoji."""

    conversation_id: ConversationId
    message_id: MessageId
    actor: UserId
    emoji: str
    removed: bool
    at: datetime
    channel: str = "app"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvanceCursor:
    """Say how far a member has received and read; a step back has no effect."""

    conversation_id: ConversationId
    user_id: UserId
    delivered_seq: int
    read_seq: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportStatus:
    """Keep what a channel says about one message on its way to one recipient.

    `why` its channel was chosen and the `tries` before stay in the log alone, for a trace.
    """

    conversation_id: ConversationId
    entry: StatusEntry
    why: str | None = None
    tries: tuple[Try, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnounceChange:
    """Tell the members that the conversation itself changed (members, name, roles).

    `change` is one of created, updated, deleted, member_added, member_removed,
    role_changed; `user_id` is whom it concerns. A removed member is told as well.
    `audience` are the members of a conversation that is deleted: nobody else knows them then.
    """

    conversation_id: ConversationId
    change: str
    actor: UserId
    at: datetime
    user_id: UserId | None = None
    audience: tuple[UserId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAgain:
    """Decide once more which channels carry an event whose planning failed.

    `event` and `command`, from which it follows, are their records in the log as text.
    """

    conversation_id: ConversationId
    event: str
    command: str


Command = (
    SubmitMessage
    | EditMessage
    | DeleteMessage
    | React
    | AdvanceCursor
    | ReportStatus
    | AnnounceChange
    | PlanAgain
)
