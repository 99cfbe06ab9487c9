"""An attempt that was begun is sent or given up by its deadline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from chat4all.domain.ids import MessageId, UserId
from chat4all.domain.messages import APP
from chat4all.domain.status import Status, StatusEntry
from chat4all.ports.failovers import Failovers
from chat4all.ports.integrity import STATUS_STUCK, Finding, Integrity
from chat4all.ports.message_store import MessageHistory
from chat4all.services.audit.course import Patience, Place, Step


class Store(MessageHistory, Integrity, Protocol):
    """What is asked."""


class StatusesCourse:
    """Finds attempts that stand at ACCEPTED although nobody will send them any more.

    `worth` is how long an attempt is tried. In the app nothing is sent: the cursor of a
    member tells there what has arrived.
    """

    name = ledger = "statuses"

    def __init__(self, store: Store, patience: Patience, *, worth: timedelta) -> None:
        self._store = store
        self._patience = patience
        self._worth = worth

    async def step(self, place: Place, limit: int) -> Step:
        """Look at the next entries; see the protocol."""
        page = await self._store.statuses_after(token=place or "", limit=limit)
        old = [one.entry for one in page if self._is_late(one.entry)]
        findings = await self._stuck(old) if old else []
        over = len(page) < limit
        following = None if over else page[-1].token
        return Step(looked=len(page), place=following, findings=findings, over=over)

    def _is_late(self, entry: StatusEntry) -> bool:
        begun = entry.status is Status.ACCEPTED and entry.channel != APP
        return begun and self._patience.is_over(entry.at + self._worth)

    async def _stuck(self, begun: Sequence[StatusEntry]) -> list[Finding]:
        """Return those of `begun` to which nothing has happened since."""
        latest: dict[tuple[MessageId, UserId, str], StatusEntry] = {}
        for entry in await self._store.statuses({one.message_id for one in begun}):
            latest[entry.message_id, entry.user_id, entry.channel] = entry
        return [
            Finding(
                check=STATUS_STUCK,
                conversation_id=one.conversation_id,
                detail=f"message {one.message_id} for user {one.user_id} on {one.channel} stands "
                f"at accepted since {one.at:%Y-%m-%dT%H:%M:%SZ}",
            )
            for one in begun
            if latest.get((one.message_id, one.user_id, one.channel), one).status is Status.ACCEPTED
        ]


class DeadlinesCourse:
    """Finds plans whose deadline passed long ago, and on which nobody acted."""

    name = ledger = "deadlines"

    def __init__(self, plans: Failovers, patience: Patience) -> None:
        self._plans = plans
        self._patience = patience

    async def step(self, place: Place, limit: int) -> Step:
        """Look at what is due longest; see the protocol."""
        del place
        due = await self._plans.due(self._patience.now() - self._patience.grace, limit=limit)
        findings = [
            Finding(
                check=STATUS_STUCK,
                conversation_id=one.conversation_id,
                detail=f"message {one.message_id} for user {one.user_id}: its deadline passed at "
                f"{one.due_at:%Y-%m-%dT%H:%M:%SZ}, and no other channel was tried",
            )
            for one in due
            if one.due_at is not None and self._patience.is_over(one.due_at)
        ]
        return Step(looked=len(due), place=None, findings=findings, over=True)
