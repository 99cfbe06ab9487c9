"""What follows from a failed delivery: another address, or a letter for when the cause is gone."""

from __future__ import annotations

from dataclasses import replace

from chat4all.domain.delivery import DeliveryTask
from chat4all.domain.errors import ChannelError
from chat4all.domain.group_chats import ChatKey
from chat4all.ports.event_log import Record, outbound
from chat4all.ports.failovers import Failovers
from chat4all.ports.group_chats import GroupChats
from chat4all.router.failover import STAYS
from chat4all.services.dead_letters import dead_letter
from chat4all.services.records import encode_task


class FailedDeliveries:
    """Decides which failure leaves a dead letter: the last one of a recipient.

    While another channel is left to try it is not the end, and nobody will want to send
    again what was deleted or has arrived by another channel. A group of a platform leaves
    one letter for all its members; of one that has moved the new address is kept.
    """

    def __init__(self, plans: Failovers | None = None, groups: GroupChats | None = None) -> None:
        self._plans = plans
        self._groups = groups

    async def at_new_address(self, task: DeliveryTask, error: ChannelError) -> DeliveryTask | None:
        """Return `task` for where its group is now, when that is what `error` says."""
        to = error.moved_to
        if to is None or to == task.address or self._groups is None:
            return None
        key = ChatKey(task.channel, task.account_id, task.address)
        moved = await self._groups.move(key, to)
        return None if moved is None else replace(task, address=to)

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
        plans = [await self._plans.get(task.message_id, user) for user in task.users]
        return all(one is not None and task.channel in one.channels[:-1] for one in plans)
