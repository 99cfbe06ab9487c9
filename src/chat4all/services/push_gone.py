"""A device that its push service knows no more is forgotten, unless it came back meanwhile."""

from __future__ import annotations

from chat4all.domain.push import PushSubscription
from chat4all.ports.push import PushOutcome, PushResult, PushSubscriptions


async def forget_if_gone(
    subscriptions: PushSubscriptions, device: PushSubscription, outcome: PushOutcome
) -> PushOutcome:
    """Forget a `device` of which its push service said that it is gone; return what to do.

    One that was registered after it had gone, perhaps while this push was on its way, stays,
    and is tried again later.
    """
    if outcome.result is not PushResult.GONE:
        return outcome
    kept = await subscriptions.get(device.id)
    since = outcome.gone_since or device.registered_at
    if kept is not None and kept.registered_at > since:
        return PushOutcome(result=PushResult.LATER, detail="it was registered anew since it left")
    await subscriptions.remove(device.id)
    return outcome
