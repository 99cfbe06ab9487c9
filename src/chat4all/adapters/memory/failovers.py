"""Which channels are left to try, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from chat4all.adapters.memory.directory_state import DirectoryState
from chat4all.domain.failover import FailoverPlan
from chat4all.domain.ids import MessageId, UserId

_NEVER = datetime.max.replace(tzinfo=UTC)


class MemoryFailovers:
    """`Failovers` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state

    async def put(self, plan: FailoverPlan) -> None:
        """See `Failovers.put`."""
        self._state.failovers[plan.message_id, plan.user_id] = plan

    async def get(self, message: MessageId, user: UserId) -> FailoverPlan | None:
        """See `Failovers.get`."""
        return self._state.failovers.get((message, user))

    async def due(self, at: datetime, *, limit: int) -> Sequence[FailoverPlan]:
        """See `Failovers.due`."""
        found = [one for one in self._state.failovers.values() if (one.due_at or _NEVER) <= at]
        return sorted(found, key=lambda one: one.due_at or _NEVER)[:limit]

    async def forget(self, before: datetime) -> int:
        """See `Failovers.forget`."""
        plans = self._state.failovers
        old = [key for key, plan in plans.items() if plan.expires_at < before]
        for key in old:
            del plans[key]
        return len(old)
