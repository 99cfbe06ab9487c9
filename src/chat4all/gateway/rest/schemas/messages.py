"""Messages, their statuses and cursors."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self, cast

from msgspec import UNSET, Meta, Struct, UnsetType, field

from chat4all.domain.drafts import Draft
from chat4all.domain.failover import Deadlines
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Message
from chat4all.domain.status import Failure, Status, StatusEntry
from chat4all.gateway.rest.problems import Problem
from chat4all.gateway.rest.schemas.bounded_json import check_object
from chat4all.gateway.rest.schemas.payloads import AnyPayload, shown
from chat4all.gateway.rest.schemas.text import JsonObject, Platform, Uuid
from chat4all.gateway.rest.strict_json import decode
from chat4all.services.messages import MessageView, StatusView
from chat4all.services.send_message import Accepted

StatusWord = Literal["accepted", "sent", "delivered", "read", "failed"]


class Failover(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds after which the next of `channels` is tried, counted anew for each.

    Without them a channel with delivery receipts has 15 minutes, and one that fails for
    good is followed by the next at once.
    """

    deliver_within: Annotated[float, Meta(ge=1, le=86_400)] | None = None
    read_within: Annotated[float, Meta(ge=1, le=86_400)] | None = None


class NewMessage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message to send.

    `message_id` makes a repeat harmless. `to` names some of the members. `channels` is an
    order of preference, in which they are tried until one brings the message; `["all"]` uses
    each. Without `channels` the recipient's decides.
    """

    conversation_id: Uuid
    payload: AnyPayload
    message_id: Uuid | None = None
    to: Annotated[list[Uuid], Meta(min_length=1, max_length=1_000)] | None = None
    channels: Annotated[list[Platform], Meta(max_length=10)] | None = None
    reply_to: Uuid | None = None
    failover: Failover | None = None
    metadata: JsonObject = {}

    def to_draft(self) -> Draft:
        """Return the draft as the services know it. Raises `InvalidInput`."""
        return Draft(
            conversation_id=ConversationId(self.conversation_id.lower()),
            payload=self.payload.to_domain(),
            message_id=None if self.message_id is None else MessageId(self.message_id.lower()),
            to=None if self.to is None else tuple(UserId(one.lower()) for one in self.to),
            channels=tuple(self.channels or ()),
            reply_to=None if self.reply_to is None else MessageId(self.reply_to.lower()),
            metadata=check_object(self.metadata, "/metadata"),
            failover=None
            if self.failover is None
            else Deadlines(
                deliver_within=self.failover.deliver_within,
                read_within=self.failover.read_within,
            ),
        )


class NewMessages(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to 500 messages in one call."""

    messages: Annotated[list[NewMessage], Meta(min_length=1, max_length=500)]


class AcceptedMessage(Struct, frozen=True, kw_only=True):
    """The message is kept: it will be delivered, or fail with a reason."""

    message_id: str
    conversation_id: str
    status: Literal["accepted"]
    accepted_at: datetime

    @classmethod
    def of(cls, accepted: Accepted) -> Self:
        """Return the answer to an accepted message."""
        return cls(
            message_id=accepted.message_id,
            conversation_id=accepted.conversation_id,
            status="accepted",
            accepted_at=accepted.accepted_at,
        )


class BatchOutcome(Struct, frozen=True, kw_only=True):
    """What became of one message of a batch: 202 with its ids, or an error with `problem`."""

    status: int
    message_id: str | UnsetType = UNSET
    conversation_id: str | UnsetType = UNSET
    accepted_at: datetime | UnsetType = UNSET
    problem: Problem | UnsetType = UNSET


class BatchOutcomes(Struct, frozen=True, kw_only=True):
    """One outcome per message, in the order sent."""

    items: list[BatchOutcome]


class MessageEdit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The new content, of the same kind."""

    payload: AnyPayload


class Reaction(Struct, frozen=True, kw_only=True):
    """An emoji and who gave it."""

    emoji: str
    user_ids: list[str]


class StoredMessage(Struct, frozen=True, kw_only=True):
    """A message in its place; `payload` is null once it was deleted."""

    message_id: str
    conversation_id: str
    seq: int
    from_: str = field(name="from")
    channel: str
    payload: AnyPayload | None
    to: list[str] | None
    reply_to: str | None
    metadata: dict[str, Any]
    status: StatusWord
    created_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    reactions: list[Reaction]

    @classmethod
    def of(cls, message: Message, status: Status) -> Self:
        """Return `message` as the API shows it."""
        payload = message.payload
        return cls(
            message_id=message.message_id,
            conversation_id=message.conversation_id,
            seq=message.seq,
            from_=message.sender,
            channel=message.channel,
            payload=None if payload is None else shown(payload),
            to=None if message.to is None else list(message.to),
            reply_to=message.reply_to,
            metadata=dict(message.metadata),
            status=_word(status),
            created_at=message.created_at,
            edited_at=message.edited_at,
            deleted_at=message.deleted_at,
            reactions=[
                Reaction(emoji=emoji, user_ids=list(users))
                for emoji, users in message.reactions.items()
            ],
        )

    @classmethod
    def seen(cls, view: MessageView) -> Self:
        """Return a message as its viewer sees it."""
        return cls.of(view.message, view.status)


class StoredMessagePage(Struct, frozen=True, kw_only=True):
    """Messages of a conversation in ascending `seq`, or found ones, newest first."""

    items: list[StoredMessage]
    next: str | None


class StatusError(Struct, frozen=True, kw_only=True):
    """Why an attempt failed: our code, a sentence, and what the platform said."""

    code: str
    text: str
    platform_error: dict[str, Any] | None

    @classmethod
    def of(cls, failure: Failure) -> Self:
        """Return `failure` as the API shows it."""
        said = failure.platform_error
        return cls(
            code=failure.code,
            text=failure.text,
            platform_error=None if said is None else dict(said),
        )


class StatusLine(Struct, frozen=True, kw_only=True):
    """One recipient on one channel, at one time; `note` says what was changed on the way."""

    user_id: str
    channel: str
    status: StatusWord
    at: datetime
    external_id: str | None
    error: StatusError | None
    note: str | None

    @classmethod
    def of(cls, entry: StatusEntry) -> Self:
        """Return `entry` as the API shows it."""
        return cls(
            user_id=entry.user_id,
            channel=entry.channel,
            status=_word(entry.status),
            at=entry.at,
            external_id=entry.external_id,
            error=None if entry.error is None else StatusError.of(entry.error),
            note=entry.note,
        )


class MessageStatus(Struct, frozen=True, kw_only=True):
    """How far a message has come with each recipient, and everything that was tried."""

    message_id: str
    status: StatusWord
    recipients: list[StatusLine]
    history: list[StatusLine]

    @classmethod
    def of(cls, view: StatusView) -> Self:
        """Return `view` as the API shows it."""
        return cls(
            message_id=view.message_id,
            status=_word(view.status),
            recipients=[StatusLine.of(one) for one in view.recipients],
            history=[StatusLine.of(one) for one in view.history],
        )


class UpTo(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last message received or read."""

    up_to_seq: Annotated[int, Meta(ge=0, le=2**53 - 1)]


class CursorMarks(Struct, frozen=True, kw_only=True):
    """How far the caller got, and where the conversation ends."""

    last_delivered_seq: int
    last_read_seq: int
    max_seq: int


class SyncPage(Struct, frozen=True, kw_only=True):
    """What happened for the caller since the cursor, in order, as WebSocket frames."""

    items: list[dict[str, Any]]
    next: str
    more: bool


def _word(status: Status) -> StatusWord:
    return cast("StatusWord", status.word)


def read_draft(body: bytes) -> Draft:
    """Return the draft that the body of `POST /v1/messages` holds. Raises `InvalidInput`."""
    message: NewMessage = decode(body, NewMessage)
    return message.to_draft()
