"""What a chat export is turned into, whichever program wrote it.

Everything here is a plain value. Keys are stable: reading the same export again, or a
longer export of the same chat, gives the same key to the same message, so whoever stores
the records can import twice and lose or double nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime


class NotAChatExport(ValueError):
    """The file is not a chat export this package reads; the text says what to do about it."""


class ExportFormat(StrEnum):
    """The program an export comes from."""

    WHATSAPP = "whatsapp"
    TELEGRAM = "telegram"


class DateOrder(StrEnum):
    """The order in which a WhatsApp export writes the parts of a date."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"
    YEAR_FIRST = "year-first"


class ChatKind(StrEnum):
    """Two people, or more."""

    PRIVATE = "private"
    GROUP = "group"


class MessageKind(StrEnum):
    """What a message carries. `NOTICE` is a line of the program itself ("Ana added Bob")."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"
    NOTICE = "notice"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedParticipant:
    """Someone who wrote in the chat.

    `key` names the person within the source: `telegram:user123`, `whatsapp:phone:+5562...`
    or `whatsapp:name:Ana` (WhatsApp exports know no more than the name in the phone book).
    `name` is None when the account was deleted.
    """

    key: str
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedReaction:
    """One emoji under a message. `author_keys` may name fewer people than `count`."""

    emoji: str
    count: int
    author_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedChat:
    """A conversation of the export; `title` is empty when the export does not tell it."""

    source: ExportFormat
    key: str
    title: str
    kind: ChatKind
    participants: tuple[ExportedParticipant, ...]
    message_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedMessage:
    """One message or notice, in the place the export gave it.

    `order` counts from 0 within the chat and follows the file, also where the clock went
    back. `sent_at` and `edited_at` are aware UTC; `edited` without `edited_at` means that
    the export tells only that it was edited. `text` is the caption of a file, and the
    placeholder ("image omitted") when the file was left out, in which case `media_name` is
    None. `media_name` never leaves the folder of the export. Both coordinates of a
    `LOCATION` are set. A notice may have the chat itself as its author. `raw_line_number`
    counts from 1: lines of a WhatsApp text, entries of a Telegram chat.
    """

    key: str
    author_key: str | None
    author_name: str | None
    sent_at: datetime
    order: int
    kind: MessageKind
    text: str
    raw_line_number: int
    media_name: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    reply_to_key: str | None = None
    forwarded_from: str | None = None
    edited: bool = False
    edited_at: datetime | None = None
    reactions: tuple[ExportedReaction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableLine:
    """A line or entry that became no message; `text` is at most its first 200 characters."""

    line_number: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """An export that has been looked through once and can now be read chat by chat.

    `unreadable` and `notes` (decisions taken, such as the order of dates, and repairs made)
    are complete before the first message is read. `total_units` counts messages and
    unreadable entries together; the `progress` callback given to `read_export` receives
    increments that add up to it once every chat has been read to its end.
    """

    format: ExportFormat
    chats: tuple[ExportedChat, ...]
    notes: tuple[str, ...]
    unreadable: tuple[UnreadableLine, ...]
    total_units: int
    read_chat: Callable[[str], Iterator[ExportedMessage]] = field(repr=False)

    def messages(self, chat: ExportedChat) -> Iterator[ExportedMessage]:
        """Read the messages of `chat` from the file, in its order; may be called again."""
        return self.read_chat(chat.key)
