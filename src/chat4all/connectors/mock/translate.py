"""An event of the simulated phones as ours. Pure: the same body gives the same events."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, RootModel, ValidationError

from chat4all.domain.errors import InvalidInput
from chat4all.domain.inbound import (
    Attachment,
    Inbound,
    IncomingDeletion,
    IncomingEdit,
    IncomingMessage,
    IncomingReaction,
    IncomingTyping,
    Receipt,
)
from chat4all.domain.payload import Payload, payload_from
from chat4all.domain.status import Failure, Status

SIGNATURE_HEADER = "x-mock-signature"

_LINK = re.compile(r"/start\s+([A-Za-z0-9_-]{1,64})\s*")


def sign(secret: str, body: bytes) -> str:
    """Return the value of `SIGNATURE_HEADER` for `body`: `sha256=<hex of the HMAC>`."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


class _Typing(BaseModel):
    type: Literal["typing"]
    phone: str = Field(alias="from")

    def event(self) -> Inbound:
        return IncomingTyping(address=self.phone, author=self.phone)


class _About(BaseModel):
    phone: str = Field(alias="from")
    id: str
    at: AwareDatetime


class _File(BaseModel):
    id: str
    name: str
    mime_type: str
    size: int


class _Message(_About):
    type: Literal["message"]
    name: str
    payload: Payload
    reply_to: str | None = None
    file: _File | None = None

    def event(self) -> Inbound:
        code = _LINK.fullmatch(self.payload.text or "")
        return IncomingMessage(
            external_id=self.id,
            address=self.phone,
            author=self.phone,
            author_name=self.name,
            payload=self._payload(),
            sent_at=self.at.astimezone(UTC),
            reply_to=self.reply_to,
            link_code=code[1] if code else None,
            attachment=self._attachment(),
        )

    def _payload(self) -> Payload:
        payload = _checked(self.payload)
        return payload if self.file is None else replace(payload, file_id=None)

    def _attachment(self) -> Attachment | None:
        if self.file is None:
            return None
        return Attachment(
            reference=f"{self.file.id}.{self.file.size}@{self.phone}",
            mime_type=self.file.mime_type,
            name=self.file.name,
            size=self.file.size,
        )


class _Edit(_About):
    type: Literal["edit"]
    payload: Payload

    def event(self) -> Inbound:
        return IncomingEdit(
            external_id=self.id,
            address=self.phone,
            author=self.phone,
            payload=_checked(self.payload),
            edited_at=self.at.astimezone(UTC),
        )


class _Delete(_About):
    type: Literal["delete"]

    def event(self) -> Inbound:
        return IncomingDeletion(
            external_id=self.id,
            address=self.phone,
            author=self.phone,
            deleted_at=self.at.astimezone(UTC),
        )


class _Reaction(_About):
    type: Literal["reaction"]
    emojis: tuple[str, ...]

    def event(self) -> Inbound:
        return IncomingReaction(
            external_id=self.id,
            address=self.phone,
            author=self.phone,
            emojis=self.emojis,
            at=self.at.astimezone(UTC),
        )


class _Receipt(_About):
    type: Literal["receipt"]
    status: Literal["sent", "delivered", "read", "failed"]
    error: str | None = None

    def event(self) -> Inbound:
        failure = None
        if self.status == "failed":
            words = self.error or "the phone refused the message"
            failure = Failure(code="refused", text=words, platform_error={"error": self.error})
        return Receipt(
            external_id=self.id,
            address=self.phone,
            status=Status.of(self.status),
            at=self.at.astimezone(UTC),
            error=failure,
        )


_Kind = _Message | _Edit | _Delete | _Reaction | _Receipt | _Typing


class _Event(RootModel[Annotated[_Kind, Field(discriminator="type")]]):
    pass


def events_of(body: bytes) -> Sequence[Inbound]:
    """Return what the body of a callback says; raises `ValueError` for anything else."""
    try:
        return [_Event.model_validate_json(body).root.event()]
    except (ValidationError, InvalidInput, OverflowError):
        # The reasons would quote what people wrote, and this text may end in a log.
        raise ValueError("not an event of the phones") from None


def _checked(payload: Payload) -> Payload:
    return payload_from(payload.as_dict())
