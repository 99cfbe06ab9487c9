"""Accounts, chats and messages as the simulated network keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from chat4all.testing.telegram.files import Media

Json: TypeAlias = dict[str, Any]

MAX_TEXT = 4096
"""UTF-16 code units in a text message, the unit Telegram counts entities in."""


MAX_ACCURACY = 1500.0
"""Metres around a shared location."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A user of Telegram: a person or a bot."""

    id: int
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None
    is_bot: bool = False

    @property
    def name(self) -> str:
        """What a phone shows for this account."""
        return f"{self.first_name} {self.last_name}" if self.last_name else self.first_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """A point on the map, in degrees; `horizontal_accuracy` in metres."""

    latitude: float
    longitude: float
    horizontal_accuracy: float | None = None

    def is_on_earth(self) -> bool:
        """Tell whether the coordinates exist and the accuracy is one Telegram takes."""
        accuracy = self.horizontal_accuracy or 0.0
        return (
            -90 <= self.latitude <= 90
            and -180 <= self.longitude <= 180
            and 0 <= accuracy <= MAX_ACCURACY
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """A shared entry of somebody's address book."""

    phone_number: str
    first_name: str
    last_name: str | None = None
    user_id: int | None = None
    vcard: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What a message carries: exactly one of text, location, contact, media and notice.

    `entities` are those of the text or of the caption. The media of one `album` are shown
    together, and are messages of their own.
    """

    text: str | None = None
    entities: tuple[Json, ...] = ()
    location: Location | None = None
    contact: Contact | None = None
    media: Media | None = None
    caption: str | None = None
    album: str | None = None
    notice: Json | None = None
    """The fields of a service message, such as `new_chat_title`."""


@dataclass(kw_only=True, slots=True)
class ChatMessage:
    """One message; `date` and `edit_date` are Unix seconds."""

    id: int
    sender: Account
    date: int
    content: Content
    reply_to: int | None = None
    edit_date: int | None = None
    reactions: dict[int, tuple[str, ...]] = field(default_factory=dict)


@dataclass(kw_only=True, slots=True)
class Chat:
    """A private chat of one person with one bot, or a group."""

    id: int
    kind: str  # "private", "group" or "supergroup", as in the Bot API
    title: str | None = None
    people: set[int]
    bots: set[int]
    messages: dict[int, ChatMessage] = field(default_factory=dict)
    last_message_id: int = 0
    blocked: bool = False
    migrated_to: int | None = None
    actions: dict[int, tuple[str, float]] = field(default_factory=dict)
    """What each bot is seen doing, and the Unix time at which the phone stops showing it."""

    @property
    def is_group(self) -> bool:
        """Tell a group from a private chat."""
        return self.kind != "private"
