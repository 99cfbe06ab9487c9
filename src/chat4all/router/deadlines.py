"""Looks every second which deadlines have passed; they lie in the directory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chat4all.ports.event_log import COMMANDS, EventLog, Record
from chat4all.ports.failovers import Failovers
from chat4all.router.failover import Failover
from chat4all.services.records import encode_command

AGAIN = timedelta(seconds=30)
"""When a plan is looked at again after something was done about it, to be sure."""
FORGET_SECONDS = 3_600.0
_AT_ONCE = 500


class DeadlineWatch:
    """Turns passed deadlines into commands.

    Several may run: a command that comes twice has one effect. A stop between two steps
    leaves a plan due, so it is looked at after the start.
    """

    def __init__(
        self,
        plans: Failovers,
        failover: Failover,
        event_log: EventLog,
        *,
        every: float = 1.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._plans = plans
        self._failover = failover
        self._log = event_log
        self._every = every
        self._clock = clock

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        forget_at = loop.time()
        while True:
            if loop.time() >= forget_at:
                await self._plans.forget(self._clock())
                forget_at = loop.time() + FORGET_SECONDS
            while await self.look() == _AT_ONCE:
                pass
            await asyncio.sleep(self._every)

    async def look(self) -> int:
        """Handle what is due now; return how many plans that were."""
        now = self._clock()
        due = await self._plans.due(now, limit=_AT_ONCE)
        for plan in due:
            step = await self._failover.judge(plan, now)
            if step.report is None:
                await self._plans.put(replace(plan, due_at=step.due_at))
                continue
            # First, for what follows from the command may set the next deadline.
            due_at = min(step.due_at or now + AGAIN, now + AGAIN)
            await self._plans.put(replace(plan, due_at=due_at))
            record = Record(COMMANDS, plan.conversation_id, encode_command(step.report))
            await self._log.append([record])
        return len(due)
