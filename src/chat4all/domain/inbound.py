"""What comes in from a platform, translated and not yet understood.

`address` is the chat, `author` the person within it; in a one-to-one chat they are the same
where a person is to be recognised in groups too. Every id is the platform's own text.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chat4all.domain.ids import AccountId
from chat4all.domain.payload import Payload
from chat4all.domain.status import Failure, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """The file of a message that came in: its bytes are still at the platform.

    `reference` is what the connector fetches it by (`SupportsMedia.fetch_media`). `size` in
    bytes, `name`, and `checksum` (`sha256:<hex>`) are what the platform says, where it does.
    """

    reference: str
    mime_type: str
    name: str | None = None
    size: int | None = None
    checksum: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMessage:
    """Somebody wrote. `link_code` is set when the text is a request to link an identity.

    A message with a file has an `attachment`, and a media payload without `file_id`: the
    file gets its id when it is taken in.
    """

    external_id: str
    address: str
    author: str
    author_name: str
    payload: Payload
    sent_at: datetime
    reply_to: str | None = None
    link_code: str | None = None
    title: str | None = None
    """The group's name when the chat is a group, empty when not told; None in a private chat."""
    attachment: Attachment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingEdit:
    """Somebody changed a message of theirs."""

    external_id: str
    address: str
    author: str
    payload: Payload
    edited_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingDeletion:
    """Somebody deleted a message of theirs."""

    external_id: str
    address: str
    author: str
    deleted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingReaction:
    """Somebody's reactions on a message are now exactly `emojis`."""

    external_id: str
    address: str
    author: str
    emojis: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The platform says how far a message of ours has come.

    In a group `author` is whom it is about; None when it is about all of them.
    """

    external_id: str
    address: str
    status: Status
    at: datetime
    error: Failure | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyReceipt:
    """A receipt that an account got before our own record of the send was there."""

    account_id: AccountId
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingTyping:
    """Somebody is writing."""

    address: str
    author: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPerson:
    """Somebody in a group: their id on the platform, and their name."""

    author: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupJoined:
    """People are in a group from now on. `number` orders what has the same time."""

    address: str
    title: str
    people: tuple[GroupPerson, ...]
    at: datetime
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLeft:
    """Somebody is not in a group any more."""

    address: str
    title: str
    author: str
    at: datetime
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRenamed:
    """A group has another name."""

    address: str
    title: str
    at: datetime
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMoved:
    """A group has another address: its chat goes on at `to`."""

    address: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountInGroup:
    """Whether our account is in a group from now on."""

    address: str
    title: str
    present: bool
    at: datetime
    number: int = 0


GroupEvent = GroupJoined | GroupLeft | GroupRenamed | GroupMoved | AccountInGroup

Inbound = (
    IncomingMessage
    | IncomingEdit
    | IncomingDeletion
    | IncomingReaction
    | Receipt
    | IncomingTyping
    | GroupEvent
)
