"""Which channels are left to try for a message, and when to look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chat4all.domain.failover import FailoverPlan
from chat4all.domain.ids import MessageId, UserId


class Failovers(Protocol):
    """One plan per message and recipient that has several channels. Durable.

    A plan only says what may be tried and when to look: what was tried stands in the
    statuses, so keeping a plan twice or looking twice does no harm.
    """

    async def put(self, plan: FailoverPlan) -> None:
        """Keep a plan, in place of the one for the same message and recipient."""
        ...

    async def get(self, message: MessageId, user: UserId) -> FailoverPlan | None:
        """Return the plan, or None when there is none."""
        ...

    async def due(self, at: datetime, *, limit: int) -> Sequence[FailoverPlan]:
        """Return up to `limit` plans whose `due_at` is not after `at`, earliest first."""
        ...

    async def forget(self, before: datetime) -> int:
        """Drop the plans that expired before then; return how many."""
        ...
