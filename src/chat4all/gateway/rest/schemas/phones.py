"""The simulated phones of the mock platform."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self, cast

from msgspec import UNSET, Meta, Struct, UnsetType

from chat4all.gateway.rest.schemas.payloads import AnyPayload, shown
from chat4all.gateway.rest.schemas.text import NO_NUL
from chat4all.ports.phones import Phone, PhoneFailure, PhoneFile, PhoneMessage

PhoneText = Annotated[str, Meta(min_length=1, max_length=4_096, extra_json_schema=NO_NUL)]
MessageRef = Annotated[str, Meta(min_length=1, max_length=200, extra_json_schema=NO_NUL)]


class WrittenText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the person with the phone writes."""

    text: PhoneText
    reply_to: MessageRef | None = None


class PhoneChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Switch the phone on or off, or let it refuse what is sent to it."""

    online: bool | UnsetType = UNSET
    fail: PhoneFailure | UnsetType | None = UNSET


class FileOnPhone(Struct, frozen=True, kw_only=True):
    """The file of a message on a phone; its bytes have a call of their own."""

    name: str
    mime_type: str
    size: int

    @classmethod
    def of(cls, file: PhoneFile) -> Self:
        """Return `file` as the API shows it."""
        return cls(name=file.name, mime_type=file.mime_type, size=file.size)


class PhoneBubble(Struct, frozen=True, kw_only=True):
    """One message on the phone's screen."""

    external_id: str
    direction: Literal["in", "out"]
    text: str
    payload: AnyPayload | None
    reply_to: str | None
    edited: bool
    deleted: bool
    reactions: list[str]
    at: datetime
    status: str
    from_name: str | None
    file: FileOnPhone | None

    @classmethod
    def of(cls, message: PhoneMessage) -> Self:
        """Return `message` as the API shows it."""
        payload = message.payload
        return cls(
            external_id=message.external_id,
            direction=cast("Literal['in', 'out']", message.direction),
            text="" if payload is None else payload.words,
            payload=None if payload is None else shown(payload),
            reply_to=message.reply_to,
            edited=message.edited,
            deleted=message.deleted,
            reactions=list(message.reactions),
            at=message.at,
            status=message.status,
            from_name=message.from_name,
            file=None if message.file is None else FileOnPhone.of(message.file),
        )


class PhoneLine(Struct, frozen=True, kw_only=True):
    """A phone and the name of the contact who holds it."""

    external_id: str
    display_name: str
    online: bool
    fail: PhoneFailure | None

    @classmethod
    def of(cls, phone: Phone) -> Self:
        """Return `phone` without its messages."""
        return cls(
            external_id=phone.external_id,
            display_name=phone.display_name,
            online=phone.online,
            fail=phone.fail,
        )


class PhoneLines(Struct, frozen=True, kw_only=True):
    """The phones of the caller's contacts; one page."""

    items: list[PhoneLine]
    next: str | None = None


class PhoneScreen(Struct, frozen=True, kw_only=True):
    """A phone with what is on its screen."""

    external_id: str
    online: bool
    fail: PhoneFailure | None
    messages: list[PhoneBubble]

    @classmethod
    def of(cls, phone: Phone) -> Self:
        """Return `phone` with its messages, oldest first."""
        return cls(
            external_id=phone.external_id,
            online=phone.online,
            fail=phone.fail,
            messages=[PhoneBubble.of(one) for one in phone.messages],
        )
