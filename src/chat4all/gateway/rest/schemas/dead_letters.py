"""What could not be done, as operators see it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from msgspec import Meta, Struct

from chat4all.gateway.rest.schemas.message_trace import MessageTrace
from chat4all.services.dead_letters import DeadLetter

LETTER = "^[0-9]{1,5}\\.[0-9]{1,18}\\Z"
LetterText = Annotated[str, Meta(pattern=LETTER, max_length=24, description="A dead letter's id.")]


class DeadLetterObject(Struct, frozen=True, kw_only=True):
    """Something that could not be done, and why.

    `kind` is null for a record that this version cannot read.
    """

    id: str
    stream: str
    key: str
    code: str
    reason: str
    parked_at: datetime
    size: int
    kind: str | None
    conversation_id: str | None
    message_id: str | None
    attempts: int
    redriven_at: datetime | None
    redriven_by: str | None

    @classmethod
    def of(cls, letter: DeadLetter) -> Self:
        """Return `letter` without its content, which is somebody's message."""
        return cls(**_summary(letter))


class DeadLetterDetails(DeadLetterObject, frozen=True, kw_only=True):
    """A dead letter with all that is known of it.

    `ids` are those of the parked record, `trace` is the way of the message it is about, and
    `content` the record itself, where it was asked for.
    """

    ids: dict[str, str]
    platform_error: dict[str, Any] | None
    trace: MessageTrace | None
    content: str | None

    @classmethod
    def with_trace(cls, letter: DeadLetter, trace: MessageTrace | None, *, content: bool) -> Self:
        """Return `letter` and, with `content`, what it says."""
        found = letter.contents
        return cls(
            **_summary(letter),
            ids=dict(found.ids) if found else {},
            platform_error=dict(letter.platform_error) if letter.platform_error else None,
            trace=trace,
            content=letter.value.decode(errors="replace") if content else None,
        )


def _summary(letter: DeadLetter) -> dict[str, Any]:
    found = letter.contents
    return {
        "id": letter.id,
        "stream": letter.stream,
        "key": letter.key,
        "code": letter.code,
        "reason": letter.reason,
        "parked_at": letter.parked_at,
        "size": len(letter.value),
        "kind": found.kind if found else None,
        "conversation_id": found.conversation_id if found else None,
        "message_id": found.message_id if found else None,
        "attempts": letter.attempts,
        "redriven_at": letter.redriven_at,
        "redriven_by": letter.redriven_by,
    }


class DeadLetterPage(Struct, frozen=True, kw_only=True):
    """Dead letters, oldest first; a page may hold few and still have a `next`."""

    items: list[DeadLetterObject]
    next: str | None


class LettersToRedrive(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which letters to try again."""

    ids: Annotated[list[LetterText], Meta(min_length=1, max_length=100)]


class Redriven(Struct, frozen=True, kw_only=True):
    """What became of one letter: `redriven`, `before` (somebody did already), `refused`."""

    id: str
    result: str
    redriven_at: datetime | None = None
    detail: str | None = None


class RedrivenLetters(Struct, frozen=True, kw_only=True):
    """The letters in the order in which they were named; one page."""

    items: list[Redriven]
    next: str | None = None
