"""What operators ask and are told."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from msgspec import Struct

from chat4all.gateway.rest.schemas.text import Email, Name, Password, Username
from chat4all.services.trace import Trace


class NewPerson(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person to make an account for; `admin` opens the administration API to them."""

    username: Username
    password: Password
    display_name: Name | None = None
    email: Email | None = None
    admin: bool = False


class AccountIdentity(Struct, frozen=True, kw_only=True):
    """Who the platform says the account is; null when the platform does not tell."""

    name: str | None


class TraceHop(Struct, frozen=True, kw_only=True):
    """Something that befell the message."""

    at: datetime
    what: str
    detail: str
    user_id: str | None
    channel: str | None


class MessageTrace(Struct, frozen=True, kw_only=True):
    """The whole way of a message, oldest first, without what it says."""

    message_id: str
    conversation_id: str
    seq: int
    hops: list[TraceHop]

    @classmethod
    def of(cls, trace: Trace) -> Self:
        """Return `trace` as the API shows it."""
        return cls(
            message_id=trace.message_id,
            conversation_id=trace.conversation_id,
            seq=trace.seq,
            hops=[
                TraceHop(
                    at=one.at,
                    what=one.what,
                    detail=one.detail,
                    user_id=one.user_id,
                    channel=one.channel,
                )
                for one in trace.hops
            ],
        )
