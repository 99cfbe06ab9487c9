"""Who is there: a lease that expires unless renewed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog

from chat4all.domain.errors import Unavailable
from chat4all.domain.ids import UserId
from chat4all.ports.conversations import Conversations
from chat4all.ports.ephemeral import Ephemeral
from chat4all.ports.users import Users

log = structlog.get_logger(__name__)

LEASE = 60.0
"""Seconds after which somebody who does not renew is offline."""
TOPIC = "presence"
"""The bus topic on which a change is published as JSON `{"user_id", "status"}`."""


class PresenceStatus(StrEnum):
    """What a person says they are."""

    ONLINE = "online"
    AWAY = "away"
    BUSY = "busy"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Where one user stands; `status` is None while that cannot be told."""

    user_id: UserId
    status: PresenceStatus | None
    last_seen_at: datetime | None = None


class PresenceBoard:
    """Presence, visible to oneself and to those who share a conversation.

    `ephemeral` is what all nodes share: while it does not answer nobody's presence is known.
    """

    def __init__(self, ephemeral: Ephemeral, conversations: Conversations, users: Users) -> None:
        self._leases = ephemeral.leases
        self._bus = ephemeral.bus
        self._conversations = conversations
        self._users = users

    async def announce(self, caller: UserId, status: PresenceStatus) -> Presence:
        """Set or renew the caller's presence for 60 s.

        Raises `Unavailable` when it cannot be told to others.
        """
        before = await self._leases.get_many([lease_key(caller)])
        await self._leases.put(lease_key(caller), status.value, ttl=LEASE)
        if before.get(lease_key(caller), PresenceStatus.OFFLINE.value) != status.value:
            change = {"user_id": caller, "status": status.value}
            await self._bus.publish(TOPIC, json.dumps(change).encode())
        return Presence(user_id=caller, status=status)

    async def renew(self, caller: UserId, status: PresenceStatus) -> None:
        """Keep what the caller last said, anywhere, for another 60 s.

        `status` is what they last said here: it counts when the leases were lost.
        """
        there = (await self._leases.get_many([lease_key(caller)])).get(lease_key(caller))
        await self._leases.put(lease_key(caller), there or status.value, ttl=LEASE)

    async def of(self, caller: UserId, users: Sequence[UserId]) -> Sequence[Presence]:
        """Return the presence of those among `users` whom the caller may see, in that order."""
        visible = [user for user in dict.fromkeys(users) if await self._visible(caller, user)]
        statuses = await self._statuses(visible)
        known = await self._users.get_many(visible)
        return [
            Presence(
                user_id=user,
                status=statuses.get(user),
                last_seen_at=known[user].last_seen_at if user in known else None,
            )
            for user in visible
        ]

    async def _statuses(self, users: Sequence[UserId]) -> Mapping[UserId, PresenceStatus]:
        try:
            leases = await self._leases.get_many([lease_key(user) for user in users])
        except Unavailable as error:
            log.info("presence is not known", detail=str(error))
            return {}
        offline = PresenceStatus.OFFLINE.value
        return {user: PresenceStatus(leases.get(lease_key(user), offline)) for user in users}

    async def _visible(self, caller: UserId, user: UserId) -> bool:
        if caller == user:
            return True
        mine = await self._conversations.ids_of_user(caller)
        return not set(mine).isdisjoint(await self._conversations.ids_of_user(user))


def lease_key(user: UserId) -> str:
    """Return the key of the lease that says that somebody is there."""
    return f"presence:{user}"
