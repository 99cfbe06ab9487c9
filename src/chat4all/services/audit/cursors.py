"""For each member `read <= delivered <= last number`."""

from __future__ import annotations

from typing import Protocol

from chat4all.domain.ids import ConversationId, UserId
from chat4all.domain.messages import Cursor
from chat4all.ports.integrity import CURSOR_MISMATCH, Finding, Integrity
from chat4all.ports.message_store import MessageStore
from chat4all.services.audit.course import Place, Step


class Store(MessageStore, Integrity, Protocol):
    """What is asked."""


class CursorsCourse:
    """Reads cursors, then where their conversations end: that only grows."""

    name = ledger = "cursors"

    def __init__(self, store: Store) -> None:
        self._store = store

    async def step(self, place: Place, limit: int) -> Step:
        """Look at the next cursors; see the protocol."""
        member = None if place is None else (ConversationId(place[0]), UserId(place[1]))
        page = await self._store.cursors_after(member=member, limit=limit)
        heads = await self._store.heads({one.conversation_id for one in page})
        findings = []
        for one in page:
            head = heads.get(one.conversation_id)
            high = 0 if head is None else head.max_seq
            if not 0 <= one.last_read_seq <= one.last_delivered_seq <= high:
                findings.append(_mismatch(one, high))
        over = len(page) < limit
        following = None if over else [page[-1].conversation_id, page[-1].user_id]
        return Step(looked=len(page), place=following, findings=findings, over=over)


def _mismatch(cursor: Cursor, high: int) -> Finding:
    return Finding(
        check=CURSOR_MISMATCH,
        conversation_id=cursor.conversation_id,
        detail=f"user {cursor.user_id}: read {cursor.last_read_seq}, delivered "
        f"{cursor.last_delivered_seq}, the last message is {high}",
    )
