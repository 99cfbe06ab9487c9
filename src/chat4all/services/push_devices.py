"""The devices of a user that take pushes, and what each of them wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chat4all.domain.errors import Conflict, InvalidInput, NotFound
from chat4all.domain.ids import SubscriptionId, UserId
from chat4all.domain.local_time import zone_of
from chat4all.domain.push import (
    MAX_SUBSCRIPTIONS,
    ZONE,
    PushKind,
    PushPreferences,
    PushSubscription,
    subscription_id,
)
from chat4all.ports.push import PushOutcome, PushSender, PushSubscriptions
from chat4all.services.clock import Clock, utc_now
from chat4all.services.push_gone import forget_if_gone
from chat4all.services.push_notification import trial_push
from chat4all.services.unset import UNSET, Unset


class PushDevices:
    """One user's devices. Another user's raise `NotFound`, as if not there."""

    def __init__(
        self,
        subscriptions: PushSubscriptions,
        sender: PushSender,
        *,
        public_key: str,
        now: Clock = utc_now,
    ) -> None:
        self.public_key = public_key
        """What a browser needs to subscribe: its `applicationServerKey`."""
        self._subscriptions = subscriptions
        self._sender = sender
        self._now = now

    async def register(
        self,
        user: UserId,
        *,
        endpoint: str,
        keys: Mapping[str, str],
        kind: PushKind = PushKind.WEB,
        device: str = "",
        preferences: PushPreferences | None = None,
    ) -> PushSubscription:
        """Push to a device from now on, for this user alone, whoever used it before.

        One that is the user's already keeps what is not given. Raises `InvalidInput` for
        one that cannot be pushed to, `Conflict` when there are too many already.
        """
        theirs = {one.id: one for one in await self._subscriptions.of_users([user])}
        name, now = subscription_id(endpoint, kind), self._now()
        before = theirs.get(name)
        if before is None and len(theirs) >= MAX_SUBSCRIPTIONS:
            raise Conflict(f"pushes go to {MAX_SUBSCRIPTIONS} devices of yours; remove one first")
        wishes = preferences or (before.preferences if before else PushPreferences())
        _check(wishes)
        subscription = PushSubscription(
            id=name,
            user_id=user,
            kind=kind,
            endpoint=endpoint,
            keys=keys,
            device=device or (before.device if before else ""),
            preferences=wishes,
            created_at=before.created_at if before else now,
            updated_at=now,
            registered_at=now,
        )
        await self._sender.check(subscription)
        await self._subscriptions.put(subscription)
        return subscription

    async def list(self, user: UserId) -> Sequence[PushSubscription]:
        """Return the devices, oldest first."""
        return await self._subscriptions.of_users([user])

    async def get(self, user: UserId, name: SubscriptionId) -> PushSubscription:
        """Return one device."""
        found = await self._subscriptions.get(name)
        if found is None or found.user_id != user:
            raise NotFound(f"there is no push subscription {name}")
        return found

    async def change(
        self,
        user: UserId,
        name: SubscriptionId,
        *,
        device: str | Unset = UNSET,
        preferences: PushPreferences | Unset = UNSET,
    ) -> PushSubscription:
        """Change what is given. Raises `InvalidInput` for a time zone that is none."""
        found = await self.get(user, name)
        if not isinstance(device, Unset):
            found = replace(found, device=device)
        if not isinstance(preferences, Unset):
            _check(preferences)
            found = replace(found, preferences=preferences)
        changed = replace(found, updated_at=self._now())
        await self._subscriptions.put(changed)
        return changed

    async def remove(self, user: UserId, name: SubscriptionId) -> None:
        """Push nothing more to a device."""
        await self.get(user, name)
        await self._subscriptions.remove(name)

    async def test(self, user: UserId, name: SubscriptionId) -> PushOutcome:
        """Push something of no meaning now, whatever the device wants.

        One that is gone is forgotten, as always.
        """
        device = await self.get(user, name)
        outcome = await self._sender.send(device, trial_push(name))
        return await forget_if_gone(self._subscriptions, device, outcome)


def _check(preferences: PushPreferences) -> None:
    quiet = preferences.quiet
    if quiet is None:
        return
    zone_of(quiet.zone, ZONE)
    if quiet.start == quiet.end:
        raise InvalidInput(
            "quiet hours end when they start; to be told nothing at all, remove the device",
            [("/preferences/quiet_hours/end", "the same as the start")],
        )
