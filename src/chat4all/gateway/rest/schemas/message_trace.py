"""The way of a message."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from msgspec import Struct

from chat4all.gateway.rest.schemas.messages import StatusError
from chat4all.services.trace import Hop, Trace


class InsteadOf(Struct, frozen=True, kw_only=True):
    """The channel that did not bring the message, and why: a code or a sentence."""

    channel: str
    reason: str


class TraceHop(Struct, frozen=True, kw_only=True):
    """Something that befell the message.

    `what` is one of accepted, logged, stored, routed, tried, rerouted, authored, sent,
    delivered, read, failed, edited, deleted, hidden, reacted, unreacted. `after_seconds` is
    the time since the hop that it follows from; null for what people did, and where it is not
    known. `detail` says everything in a line of English; `address` is told to operators only.
    """

    at: datetime
    what: str
    user_id: str | None
    channel: str | None
    after_seconds: float | None
    why: str | None
    channels: list[str]
    instead_of: InsteadOf | None
    address: str | None
    external_id: str | None
    error: StatusError | None
    note: str | None
    detail: str

    @classmethod
    def of(cls, hop: Hop) -> Self:
        """Return `hop` as the API shows it."""
        instead = hop.instead
        return cls(
            at=hop.at,
            what=hop.what,
            user_id=hop.user_id,
            channel=hop.channel,
            after_seconds=None if hop.after is None else hop.after.total_seconds(),
            why=hop.why,
            channels=list(hop.channels),
            instead_of=None
            if instead is None
            else InsteadOf(channel=instead.channel, reason=instead.reason),
            address=hop.address,
            external_id=hop.external_id,
            error=None if hop.error is None else StatusError.of(hop.error),
            note=hop.note,
            detail=hop.detail,
        )


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
            hops=[TraceHop.of(one) for one in trace.hops],
        )
