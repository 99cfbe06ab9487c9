"""Proving the promises on the stored data, while the program runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from chat4all.domain.ids import ConversationId


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One broken promise: which check, in which conversation, and what was seen.

    `check` is one of `CHECKS`.
    """

    check: str
    conversation_id: ConversationId | None
    detail: str


CHECKS = (
    "sequence_gap",
    "duplicate_message_id",
    "cursor_mismatch",
    "orphan_file",
    "missing_object",
)


class Integrity(Protocol):
    """What `chat4all check` asks of a message store."""

    def findings(self) -> AsyncIterator[Finding]:
        """Yield every finding over all that is stored; nothing when all promises hold."""
        ...

    async def counts(self) -> dict[str, int]:
        """Return how much was looked at: conversations, messages, cursors, statuses."""
        ...
