"""The simulated phones of the mock platform: a way to try everything without an account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from chat4all.domain.ids import UserId
from chat4all.domain.payload import Payload


class PhoneFailure(StrEnum):
    """How a phone refuses what is sent to it: for good, or for now."""

    PERMANENT = "permanent"
    TEMPORARY = "temporary"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneFile:
    """A file on a phone: `id` is the phone's own, `size` in bytes."""

    id: str
    name: str
    mime_type: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneMessage:
    """One bubble on the screen; `direction` is "in" for what the phone received.

    `status` is how far it came, in the API's word; `from_name` is who wrote it.
    """

    external_id: str
    direction: str
    payload: Payload
    at: datetime
    status: str
    from_name: str | None = None
    reply_to: str | None = None
    edited: bool = False
    deleted: bool = False
    reactions: Sequence[str] = ()
    file: PhoneFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """One phone and whose contact holds it."""

    external_id: str
    display_name: str
    online: bool = True
    fail: PhoneFailure | None = None
    messages: Sequence[PhoneMessage] = ()


class PhoneNetwork(Protocol):
    """The phones of the mock platform: one per mock channel of somebody's contact.

    Who may see which phone is the caller's to check, with `phones`. Methods that name a
    phone raise `ChannelNotFound` for an unknown one.
    """

    async def phones(self, owner: UserId) -> Sequence[Phone]:
        """Return the phones of this user's contacts, by id, without their messages."""
        ...

    async def phone(self, external_id: str) -> Phone:
        """Return one phone with its last messages, oldest first, at most 500."""
        ...

    async def write(self, external_id: str, text: str, reply_to: str | None = None) -> PhoneMessage:
        """Let the person with the phone write `text`; return what their screen shows."""
        ...

    async def send_file(
        self,
        external_id: str,
        data: bytes,
        *,
        name: str,
        mime_type: str,
        caption: str | None = None,
        reply_to: str | None = None,
    ) -> PhoneMessage:
        """Let the person send a file; return what their screen shows.

        Raises `TooLarge` for one that the phones do not take.
        """
        ...

    async def file_of(self, external_id: str, message: str) -> tuple[PhoneFile, bytes]:
        """Return the file of a message on the phone.

        Raises `MessageNotFound` for one without a file, `FileGone` once it is not kept.
        """
        ...

    async def read_all(self, external_id: str) -> None:
        """Let the person read all that came in."""
        ...

    async def configure(self, external_id: str, *, online: bool, fail: PhoneFailure | None) -> None:
        """Switch the phone on or off, or make it refuse what is sent to it."""
        ...
