"""Proving the promises on the stored data, a bounded piece at a time, while the program runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from chat4all.domain.events import Position
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor
from chat4all.domain.status import StatusEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One broken promise: which check, in which conversation, and what was seen.

    `check` is one of `CHECKS`.
    """

    check: str
    conversation_id: ConversationId | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRange:
    """Which accepted commands are compared with the store, and made good.

    Offsets `first` to `last`, both included, of one `partition` or of each; None is up to
    where the routers are. Only what was appended at `since` or later. `after` is where an
    earlier call has stopped. A dry run tells only.
    """

    partition: int | None = None
    first: int = 0
    last: int | None = None
    since: datetime | None = None
    after: Position | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class RepairNote:
    """What was done about the command at a place of the log, or why nothing could be."""

    position: Position
    conversation_id: ConversationId | None
    detail: str


@dataclass(slots=True)
class Repaired:
    """How many commands were looked at, what was filled in, and what could not be.

    All others have their effect in the store, or were refused. `stopped_at` is the last place
    that was looked at, None when everything was.
    """

    looked: int = 0
    filled: list[RepairNote] = field(default_factory=list)
    unclear: list[RepairNote] = field(default_factory=list)
    stopped_at: Position | None = None


SEQUENCE_GAP = "sequence_gap"
DUPLICATE_MESSAGE_ID = "duplicate_message_id"
CURSOR_MISMATCH = "cursor_mismatch"
CURSOR_BACK = "cursor_back"
STATUS_STUCK = "status_stuck"
LOST_RECORD = "lost_record"
ORPHAN_FILE = "orphan_file"
MISSING_OBJECT = "missing_object"

CHECKS = (
    SEQUENCE_GAP,
    DUPLICATE_MESSAGE_ID,
    CURSOR_MISMATCH,
    CURSOR_BACK,
    STATUS_STUCK,
    LOST_RECORD,
    ORPHAN_FILE,
    MISSING_OBJECT,
)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A stored message, by its place."""

    conversation_id: ConversationId
    seq: int
    message_id: MessageId


@dataclass(frozen=True, slots=True)
class Reported:
    """A stored status entry, with the `token` after which the next one is asked for."""

    token: str
    entry: StatusEntry


class Integrity(Protocol):
    """What proves the promises asks of a message store. Suite: `IntegrityContract`.

    Every call reads no more than `limit` records, so that a pass over everything can be made
    in small steps, and goes on where it was after a restart. What is stored during a pass
    may be in it or not; what was stored before it began is.
    """

    async def numbered(
        self, *, start: tuple[ConversationId, int] | None, limit: int
    ) -> Sequence[Numbered]:
        """Return messages by conversation and `seq`, from the place `start` on, it included.

        The order of conversations is one that stays; None begins with the first. Those of
        one conversation come in ascending `seq`: where one is missing, nothing that was
        stored before a later one is.
        """
        ...

    async def repeated(self, messages: Collection[Numbered]) -> Mapping[MessageId, int]:
        """Return those of these ids that are stored more than once, and how often."""
        ...

    async def cursors_after(
        self, *, member: tuple[ConversationId, UserId] | None, limit: int
    ) -> Sequence[Cursor]:
        """Return cursors in an order that stays, those after `member`; None: from the first."""
        ...

    async def statuses_after(self, *, token: str, limit: int) -> Sequence[Reported]:
        """Return status entries in an order that stays, those after `token`; "": all."""
        ...

    async def counts(self) -> dict[str, int]:
        """Return how much there is: conversations, messages, cursors, statuses."""
        ...


class AuditNotes(Protocol):
    """Where the auditor keeps how far it is: one document, beside the messages."""

    async def read_notes(self) -> bytes | None:
        """Return what was written last, None when nothing was."""
        ...

    async def write_notes(self, notes: bytes) -> None:
        """Keep `notes` durably in place of what there was."""
        ...
