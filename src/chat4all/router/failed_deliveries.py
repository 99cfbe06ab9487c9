"""Keeps the deliveries that failed for good, for when the cause is gone."""

from __future__ import annotations

from chat4all.domain.delivery import DeliveryTask
from chat4all.domain.errors import ChannelError
from chat4all.ports.event_log import Record, outbound
from chat4all.ports.failovers import Failovers
from chat4all.router.failover import STAYS
from chat4all.services.dead_letters import dead_letter
from chat4all.services.records import encode_task


class FailedDeliveries:
    """Decides which failure leaves a dead letter: the last one of a recipient.

    While another channel is left to try it is not the end, and nobody will want to send
    again what was deleted or has arrived by another channel.
    """

    def __init__(self, plans: Failovers | None = None) -> None:
        self._plans = plans

    async def letter(
        self, task: DeliveryTask, error: ChannelError, *, attempts: int
    ) -> Record | None:
        """Return the letter that keeps `task`, or None."""
        if error.reason in STAYS or await self._has_another(task):
            return None
        stream = outbound(task.channel)
        return dead_letter(stream, task.address, encode_task(task), error, attempts=attempts)

    async def _has_another(self, task: DeliveryTask) -> bool:
        if self._plans is None:
            return False
        plan = await self._plans.get(task.message_id, task.user_id)
        return plan is not None and task.channel in plan.channels[:-1]
