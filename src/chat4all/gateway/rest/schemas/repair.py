"""Filling in what the store lacks of the log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from msgspec import Meta, Struct

from chat4all.domain.events import Position
from chat4all.ports.integrity import LogRange, Repaired, RepairNote

SHOWN_NOTES = 100
Offset = Annotated[int, Meta(ge=0, le=2**62)]
Partition = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Place = Annotated[
    str, Meta(pattern=r"^[0-9]{1,9}\.[0-9]{1,18}\Z", description="A partition and an offset: 0.17.")
]


class RepairRange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which accepted commands to compare with the store: all that are kept, unless it says less.

    Offsets count in each partition and are included. `after` is the `stopped_at` of the call
    before.
    """

    partition: Partition | None = None
    first: Offset = 0
    last: Offset | None = None
    since: Annotated[datetime, Meta(tz=True)] | None = None
    after: Place | None = None
    dry_run: bool = False

    def range(self) -> LogRange:
        """Return it in our words."""
        return LogRange(
            partition=self.partition,
            first=self.first,
            last=self.last,
            since=self.since,
            after=None if self.after is None else Position(*map(int, self.after.split("."))),
            dry_run=self.dry_run,
        )


class RepairNoteObject(Struct, frozen=True, kw_only=True):
    """What was done about the command at a place of the log, or why nothing could be."""

    position: str
    conversation_id: str | None
    detail: str


class RepairReport(Struct, frozen=True, kw_only=True):
    """How many commands were looked at, filled in and not, and the first 100 of either.

    All others were done before. With `stopped_at` there is more to look at.
    """

    looked: int
    filled: int
    unclear: int
    first_filled: list[RepairNoteObject]
    first_unclear: list[RepairNoteObject]
    stopped_at: str | None

    @classmethod
    def of(cls, done: Repaired) -> Self:
        """Return what is told of it."""
        return cls(
            looked=done.looked,
            filled=len(done.filled),
            unclear=len(done.unclear),
            first_filled=_shown(done.filled),
            first_unclear=_shown(done.unclear),
            stopped_at=None if done.stopped_at is None else _place(done.stopped_at),
        )


def _shown(notes: Sequence[RepairNote]) -> list[RepairNoteObject]:
    return [
        RepairNoteObject(
            position=_place(one.position), conversation_id=one.conversation_id, detail=one.detail
        )
        for one in notes[:SHOWN_NOTES]
    ]


def _place(at: Position) -> str:
    return f"{at.partition}.{at.offset}"
