"""The senders of every kind of device that this deployment pushes to, as one."""

from __future__ import annotations

from collections.abc import Mapping

from chat4all.domain.errors import InvalidInput
from chat4all.domain.push import PushKind, PushSubscription
from chat4all.ports.push import Push, PushOutcome, PushResult, PushSender


class PushSenders:
    """A `PushSender` that leaves each device to the sender of its kind."""

    def __init__(self, senders: Mapping[PushKind, PushSender]) -> None:
        self._senders = senders

    async def check(self, subscription: PushSubscription) -> None:
        """See `PushSender.check`; a kind that is not set up is refused."""
        kind = subscription.kind
        if kind not in self._senders:
            why = f"this server is not set up to push to devices of the kind {kind}"
            raise InvalidInput(f"{why}; ask its operator", [("/kind", why)])
        await self._senders[kind].check(subscription)

    async def send(self, subscription: PushSubscription, push: Push) -> PushOutcome:
        """See `PushSender.send`; what a kind is told that is not set up any more may wait."""
        sender = self._senders.get(subscription.kind)
        if sender is None:
            why = f"pushes to the kind {subscription.kind} are not set up"
            return PushOutcome(result=PushResult.LATER, detail=why)
        return await sender.send(subscription, push)
