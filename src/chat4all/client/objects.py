"""What the server tells, as values. Fields that a later server adds are passed over.

docs/reference/rest.md; the tests hold these to what the server declares in `/openapi.json`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct, field

T = TypeVar("T")


class Payload(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a message carries; which fields are set follows from `type`.

    text: `text`. image, video, audio, document: `file_id`, perhaps `caption`. location:
    `latitude`, `longitude` in degrees (WGS 84), perhaps `name`. contact: `name`, `phone`,
    `email`. template: `name`, `language`, `parameters`.
    """

    type: str
    text: str | None = None
    file_id: str | None = None
    caption: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    language: str | None = None
    parameters: tuple[str, ...] | None = None


class User(Struct, frozen=True, kw_only=True):
    """Somebody: a person, a contact or a service."""

    id: str
    kind: str
    display_name: str
    created_at: datetime
    username: str | None = None


class ScheduleError(Struct, frozen=True, kw_only=True):
    """Why a scheduled message was not sent."""

    code: str
    text: str


class Scheduled(Struct, frozen=True, kw_only=True):
    """A message that is to be sent at `send_at`; `local_time` is that in its `time_zone`.

    `state` is how far it has come: scheduled, sending, sent, failed or cancelled.
    """

    message_id: str
    conversation_id: str
    payload: Payload
    send_at: datetime
    state: str
    time_zone: str | None = None
    local_time: datetime | None = None
    sent_at: datetime | None = None
    error: ScheduleError | None = None


class Reaction(Struct, frozen=True, kw_only=True):
    """An emoji, and who gave it."""

    emoji: str
    user_ids: tuple[str, ...]


class Message(Struct, frozen=True, kw_only=True):
    """A message in its place: `seq` counts 1, 2, 3 ... in each conversation.

    `sender` is `from` on the wire. `payload` is None once it was deleted. `status` is how far
    it has come: accepted, sent, delivered, read or failed.
    """

    message_id: str
    conversation_id: str
    seq: int
    sender: str = field(name="from")
    channel: str
    payload: Payload | None
    to: tuple[str, ...] | None
    reply_to: str | None
    metadata: dict[str, Any]
    status: str
    created_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    reactions: tuple[Reaction, ...]

    @property
    def text(self) -> str:
        """Return its words: the text, or the caption of a file; empty without any."""
        return (self.payload and (self.payload.text or self.payload.caption)) or ""


class Sent(Struct, frozen=True, kw_only=True):
    """The server keeps the message: it will be delivered, or fail with a reason."""

    message_id: str
    conversation_id: str
    status: str
    accepted_at: datetime


class StatusError(Struct, frozen=True, kw_only=True):
    """Why an attempt failed: a code, a sentence, and what the platform said."""

    code: str
    text: str
    platform_error: dict[str, Any] | None


class StatusLine(Struct, frozen=True, kw_only=True):
    """How far a message came with one recipient on one channel, and when."""

    user_id: str
    channel: str
    status: str
    at: datetime
    external_id: str | None
    error: StatusError | None
    note: str | None


class MessageStatus(Struct, frozen=True, kw_only=True):
    """How far a message has come with each recipient, and everything that was tried."""

    message_id: str
    status: str
    recipients: tuple[StatusLine, ...]
    history: tuple[StatusLine, ...]


class Member(Struct, frozen=True, kw_only=True):
    """Somebody in a conversation, and how far they have received and read."""

    user_id: str
    role: str
    joined_at: datetime
    last_delivered_seq: int
    last_read_seq: int
    display_name: str
    kind: str
    channels: tuple[str, ...]


class Conversation(Struct, frozen=True, kw_only=True):
    """A conversation as one sees it oneself; `type` is private or group."""

    id: str
    type: str
    name: str | None
    members: tuple[Member, ...]
    unread_count: int
    last_message: Message | None
    last_activity: datetime
    archived: bool
    metadata: dict[str, Any]
    created_at: datetime


class File(Struct, frozen=True, kw_only=True):
    """What is known of a file; `size` is in bytes, `checksum` is `sha256:<hex>`."""

    id: str
    owner_id: str
    conversation_id: str
    name: str
    size: int
    mime_type: str
    checksum: str | None
    state: str
    created_at: datetime


class ContactChannel(Struct, frozen=True, kw_only=True):
    """Where a contact is reached; with an `account_id` by that account alone."""

    id: str
    platform: str
    external_id: str
    account_id: str | None
    linked_at: datetime


class MergedContact(Struct, frozen=True, kw_only=True):
    """A contact of a merge."""

    id: str
    display_name: str
    preferred_channel: str | None
    channels: tuple[ContactChannel, ...]


class Contact(MergedContact, frozen=True, kw_only=True):
    """Somebody in one's address book."""

    kind: str
    created_at: datetime


class DuplicateContacts(Struct, frozen=True, kw_only=True):
    """Contacts that have one `address`, and are probably one person."""

    address: str
    contacts: tuple[Contact, ...]


class MergeField(Struct, frozen=True, kw_only=True):
    """A field of the contact that is kept: its value, and what `others` had that is not."""

    name: str
    value: str | None
    others: tuple[str, ...]


class RenamedMember(Struct, frozen=True, kw_only=True):
    """A conversation in which a member is called otherwise."""

    conversation_id: str
    user_id: str
    before: str
    after: str


class MergeResult(Struct, frozen=True, kw_only=True):
    """What a merge did, or with `dry_run` would do; `merge_id` undoes it until `undo_until`."""

    dry_run: bool
    merge_id: str | None
    contact: MergedContact
    merged: tuple[MergedContact, ...]
    fields: tuple[MergeField, ...]
    conversations: tuple[RenamedMember, ...]
    conversation_count: int
    undo_until: datetime | None


class ContactMerge(Struct, frozen=True, kw_only=True):
    """A merge that was made, and whether it was undone."""

    id: str
    contact_id: str
    merged: tuple[MergedContact, ...]
    created_at: datetime
    undo_until: datetime
    undone_at: datetime | None


class UndoneMerge(Struct, frozen=True, kw_only=True):
    """A merge that was undone, and the contacts as they are again."""

    merge_id: str
    undone_at: datetime | None
    contacts: tuple[MergedContact, ...]


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """Some items of a list, and what leads on to the next ones."""

    items: tuple[T, ...]
    next: str | None
