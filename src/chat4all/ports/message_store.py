"""Where messages, statuses and cursors live, seen by the router that writes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from chat4all.domain.events import Event, Position
from chat4all.domain.ids import AccountId, ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor, Message
from chat4all.domain.status import StatusEntry


@dataclass(frozen=True, slots=True)
class Head:
    """Where a conversation stands: its last `seq` (0 when empty)."""

    max_seq: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored message, the digest it was submitted with and the place of its command."""

    message: Message
    digest: str
    position: Position


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to insert, with what its submission said besides."""

    message: Message
    digest: str
    position: Position


@dataclass(slots=True)
class Effects:
    """All that one batch of commands does, to be stored at once.

    `added` are inserted; `changed` replace the stored payload, reactions and times of
    messages by id; `hidden` are (message, member) pairs; `cursors` and `statuses` only
    move forward, so applying effects twice leaves the same state. `journal` holds the
    events other than MessageAdded, so a client that was away can be told.
    """

    added: list[NewMessage] = field(default_factory=list)
    changed: list[Message] = field(default_factory=list)
    hidden: list[tuple[MessageId, UserId]] = field(default_factory=list)
    cursors: list[Cursor] = field(default_factory=list)
    statuses: list[StatusEntry] = field(default_factory=list)
    journal: list[Event] = field(default_factory=list)


class MessageStore(Protocol):
    """Durable messages, ordered within each conversation.

    Every implementation passes `chat4all.testing.MessageStoreContract`.
    """

    async def heads(
        self, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, Head]:
        """Return where each conversation stands; unknown ones are left out."""
        ...

    async def find(self, messages: Collection[MessageId]) -> Mapping[MessageId, Kept]:
        """Return the stored messages among `messages`, in any conversation."""
        ...

    async def cursors(
        self, members: Collection[tuple[ConversationId, UserId]]
    ) -> Mapping[tuple[ConversationId, UserId], Cursor]:
        """Return the stored cursors; members who never moved are left out."""
        ...

    async def apply(self, effects: Effects) -> None:
        """Store `effects` durably, all or nothing; a repeat changes nothing.

        From the moment of the call every later read through the same object sees the
        effects (it waits for them if it must). Raises `StaleSequence` and stores nothing
        when a (conversation, seq) or a message id is already taken by something else;
        `StorageFull` or `Unavailable` when it cannot store now.
        """
        ...

    async def status_of(
        self, account: AccountId, address: str, external_id: str
    ) -> StatusEntry | None:
        """Return the SENT entry of the message that a platform knows by `external_id`.

        Such ids are unique within one chat (`address`) of one connector account only. Where
        there is no SENT entry, the first later one with that id.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a list of conversations shows of one.

    `unread` counts messages of others after the member's `last_read_seq`, at most 1,000.
    """

    conversation_id: ConversationId
    max_seq: int
    unread: int
    last_message: Message | None
    last_activity: datetime | None


class MessageHistory(Protocol):
    """The same data, seen by its readers. Every read sees all effects applied before it."""

    async def page(
        self,
        conversation: ConversationId,
        *,
        viewer: UserId,
        after_seq: int | None = None,
        before_seq: int | None = None,
        limit: int,
    ) -> Sequence[Message]:
        """Return up to `limit` messages in ascending `seq`, without those hidden from `viewer`.

        With `after_seq` the first ones later than it, with `before_seq` the last ones
        earlier than it, with both the first ones in between, with neither the last ones.
        """
        ...

    async def summaries(
        self, user: UserId, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, Summary]:
        """Return one summary per conversation that holds a message."""
        ...

    async def conversation_cursors(self, conversation: ConversationId) -> Sequence[Cursor]:
        """Return the cursors of every member that ever moved."""
        ...

    async def statuses(self, messages: Collection[MessageId]) -> Sequence[StatusEntry]:
        """Return every status entry of these messages, oldest first."""
        ...

    async def changes(
        self, conversations: Collection[ConversationId], *, after: Mapping[int, int], limit: int
    ) -> Sequence[Event]:
        """Return up to `limit` events later than `after` (offset by partition), in log order.

        Includes `MessageAdded` with the message as it is now. A partition that is not in
        `after` is read from its start.
        """
        ...

    async def cursor_history(
        self, conversation: ConversationId, *, covering_seq: int
    ) -> Sequence[Cursor]:
        """Return, per member, the first cursors that covered `covering_seq`.

        At most two each: delivered, then read, with `updated_at` telling when.
        """
        ...


class MessageData(MessageStore, MessageHistory, Protocol):
    """Both views of one storage: what the router holds."""


class SupportsSearch(Protocol):
    """Finding messages by words."""

    async def search(
        self,
        words: str,
        *,
        conversations: Collection[ConversationId],
        viewer: UserId,
        since: datetime | None = None,
        until: datetime | None = None,
        before: tuple[datetime, MessageId] | None = None,
        limit: int,
    ) -> Sequence[Message]:
        """Return messages that hold every word of `words`, newest first by (created_at, id).

        Case and accents do not count; any text is a valid query and an empty one finds
        nothing. Only in `conversations`, never hidden or deleted ones. `before` pages.
        """
        ...


class SupportsMoments(Protocol):
    """The times at which things befell one message, for a trace."""

    async def journal_of(self, message: MessageId) -> Sequence[Event]:
        """Return the events of the journal that concern one message, in log order."""
        ...
