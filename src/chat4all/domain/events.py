"""What happened in a conversation: facts, each at one position of the log.

The position of an event is that of the command it follows from, so a replay gives the same
events again and a consumer can drop the repeat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from chat4all.domain.errors import InvalidInput
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor, Message
from chat4all.domain.status import StatusEntry


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the commands log; ordered within a partition."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAdded:
    """A message got its place."""

    position: Position
    message: Message

    @property
    def conversation_id(self) -> ConversationId:
        """Return where it happened."""
        return self.message.conversation_id


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdited:
    """A message has a new payload."""

    position: Position
    message: Message

    @property
    def conversation_id(self) -> ConversationId:
        """Return where it happened."""
        return self.message.conversation_id


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDeleted:
    """A message lost its content, or with `only_for` is hidden from one member.

    `readers` are those who may read the message when they are not all members.
    """

    position: Position
    conversation_id: ConversationId
    message_id: MessageId
    seq: int
    actor: UserId
    at: datetime
    only_for: UserId | None = None
    readers: tuple[UserId, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionChanged:
    """Somebody gave or took back an emoji.

    `readers` are those who may read the message when they are not all members.
    """

    position: Position
    conversation_id: ConversationId
    message_id: MessageId
    user_id: UserId
    emoji: str
    removed: bool
    at: datetime
    readers: tuple[UserId, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorMoved:
    """A member received or read more; `before` is where the cursor stood."""

    position: Position
    before: Cursor
    after: Cursor

    @property
    def conversation_id(self) -> ConversationId:
        """Return where it happened."""
        return self.after.conversation_id


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged:
    """A channel reported on a message."""

    position: Position
    entry: StatusEntry
    sender: UserId

    @property
    def conversation_id(self) -> ConversationId:
        """Return where it happened."""
        return self.entry.conversation_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationChanged:
    """The conversation itself changed; see `AnnounceChange`."""

    position: Position
    conversation_id: ConversationId
    change: str
    actor: UserId
    at: datetime
    user_id: UserId | None = None
    audience: tuple[UserId, ...] = ()


Event = (
    MessageAdded
    | MessageEdited
    | MessageDeleted
    | ReactionChanged
    | CursorMoved
    | StatusChanged
    | ConversationChanged
)


def message_concerned(event: Event) -> MessageId | None:
    """Return the one message that `event` is about, if it is about one."""
    match event:
        case MessageAdded() | MessageEdited():
            return event.message.message_id
        case MessageDeleted() | ReactionChanged():
            return event.message_id
        case StatusChanged():
            return event.entry.message_id
        case _:
            return None


@dataclass(frozen=True, slots=True)
class SyncCursor:
    """Up to where a client has seen: the last offset per partition of the log.

    On the wire it is opaque text: `0.42-3.17` for offset 42 of partition 0 and 17 of 3.
    """

    offsets: Mapping[int, int]

    @classmethod
    def parse(cls, text: str) -> SyncCursor:
        """Read the wire form. Raises `InvalidInput` for anything else."""
        offsets: dict[int, int] = {}
        try:
            for part in text.split("-") if text else []:
                partition, _, offset = part.partition(".")
                if not (partition.isascii() and partition.isdigit()):
                    raise ValueError(part)
                if not (offset.isascii() and offset.isdigit()) or len(part) > 40:  # noqa: PLR2004
                    raise ValueError(part)
                offsets[int(partition)] = int(offset)
        except ValueError as error:
            raise InvalidInput(
                "this cursor is not one of ours; leave it out to start from now",
                [("/cursor", "malformed")],
            ) from error
        if any(value >= 2**63 for value in (*offsets, *offsets.values())):
            raise InvalidInput("this cursor is out of range", [("/cursor", "out of range")])
        return cls(offsets)

    def __str__(self) -> str:
        return "-".join(f"{part}.{offset}" for part, offset in sorted(self.offsets.items()))

    def seen(self, position: Position) -> bool:
        """Say whether the client has what happened at `position`."""
        return self.offsets.get(position.partition, -1) >= position.offset

    def reaches(self, other: SyncCursor) -> bool:
        """Say whether the client has all that one at `other` has."""
        here = self.offsets
        return all(here.get(part, -1) >= offset for part, offset in other.offsets.items())

    def at(self, position: Position) -> SyncCursor:
        """Return the cursor after `position` was seen."""
        if self.seen(position):
            return self
        return SyncCursor({**self.offsets, position.partition: position.offset})

    def joined(self, other: SyncCursor) -> SyncCursor:
        """Return the cursor of who has seen what both have."""
        further = {
            part: offset
            for part, offset in other.offsets.items()
            if offset > self.offsets.get(part, -1)
        }
        return SyncCursor({**self.offsets, **further}) if further else self


NOWHERE = SyncCursor({})
"""The cursor of who has seen nothing yet."""
