"""Pushes in memory: devices, notices, and a push service to look into."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime

from chat4all.adapters.memory.directory_state import DirectoryState
from chat4all.domain.errors import InvalidInput
from chat4all.domain.ids import SubscriptionId, UserId
from chat4all.domain.push import PushNotice, PushSubscription
from chat4all.ports.push import Push, PushOutcome, PushResult

TAKEN = PushOutcome(result=PushResult.TAKEN)


class MemoryPushSubscriptions:
    """`PushSubscriptions` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state

    async def put(self, subscription: PushSubscription) -> None:
        """See `PushSubscriptions.put`."""
        kept = self._state.push_subscriptions.get(subscription.id)
        if kept is not None and kept.user_id != subscription.user_id:
            self._forget_notices(subscription.id)
        self._state.push_subscriptions[subscription.id] = subscription

    async def get(self, subscription: SubscriptionId) -> PushSubscription | None:
        """See `PushSubscriptions.get`."""
        return self._state.push_subscriptions.get(subscription)

    async def of_users(self, users: Collection[UserId]) -> Sequence[PushSubscription]:
        """See `PushSubscriptions.of_users`."""
        found = [one for one in self._state.push_subscriptions.values() if one.user_id in users]
        return sorted(found, key=lambda one: (one.created_at, one.id))

    async def any_kept(self) -> bool:
        """See `PushSubscriptions.any_kept`."""
        return bool(self._state.push_subscriptions)

    async def remove(self, subscription: SubscriptionId) -> None:
        """See `PushSubscriptions.remove`."""
        self._state.push_subscriptions.pop(subscription, None)
        self._forget_notices(subscription)

    def _forget_notices(self, subscription: SubscriptionId) -> None:
        for key in [one for one in self._state.push_notices if one[0] == subscription]:
            del self._state.push_notices[key]


class MemoryPushNotices:
    """`PushNotices` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state

    async def add(self, notices: Sequence[PushNotice], *, at: datetime) -> None:
        """See `PushNotices.add`."""
        rows = self._state.push_notices
        for one in notices:
            key = one.subscription_id, one.conversation_id
            kept = rows.get(key)
            if one.subscription_id not in self._state.push_subscriptions:
                continue
            if kept is None:
                rows[key] = replace(one, attempts=0, next_at=at)
            elif kept.seq < one.seq:
                time = kept.next_at if kept.attempts else at
                rows[key] = replace(one, attempts=kept.attempts, next_at=time)

    async def due(
        self, at: datetime, *, limit: int, without: Collection[UserId] = ()
    ) -> Sequence[PushNotice]:
        """See `PushNotices.due`."""
        found = [
            (one.next_at, one.subscription_id, one.conversation_id, one)
            for one in self._state.push_notices.values()
            if one.next_at is not None and one.next_at <= at and one.user_id not in without
        ]
        return [one for *_, one in sorted(found, key=lambda each: each[:3])[:limit]]

    async def again(self, notice: PushNotice) -> None:
        """See `PushNotices.again`."""
        key = notice.subscription_id, notice.conversation_id
        kept = self._state.push_notices.get(key)
        if kept is not None:
            self._state.push_notices[key] = replace(
                kept, attempts=notice.attempts, next_at=notice.next_at
            )

    async def done(self, notice: PushNotice) -> None:
        """See `PushNotices.done`."""
        key = notice.subscription_id, notice.conversation_id
        kept = self._state.push_notices.get(key)
        if kept is not None and kept.seq <= notice.seq:
            del self._state.push_notices[key]


class MemoryPushSender:
    """A `PushSender` that goes nowhere and keeps what came. `answers` is asked for each push."""

    def __init__(
        self, answers: Callable[[PushSubscription, Push], PushOutcome] = lambda *_: TAKEN
    ) -> None:
        self.answers = answers
        self.tries: list[tuple[PushSubscription, Push]] = []
        self.taken: list[tuple[PushSubscription, Push]] = []

    async def check(self, subscription: PushSubscription) -> None:
        """See `PushSender.check`; a device that is nowhere cannot be pushed to."""
        if not subscription.endpoint:
            raise InvalidInput("a device without an endpoint cannot be pushed to")

    async def send(self, subscription: PushSubscription, push: Push) -> PushOutcome:
        """See `PushSender.send`."""
        self.tries.append((subscription, push))
        outcome = self.answers(subscription, push)
        if outcome.result is PushResult.TAKEN:
            self.taken.append((subscription, push))
        return outcome
