"""The channel each person last wrote by: where an answer reaches them best."""

from __future__ import annotations

from collections import OrderedDict

from chat4all.domain.ids import UserId
from chat4all.ports.ephemeral import Leases

REMEMBERED = 30 * 86_400.0
"""Seconds; afterwards, or when the ephemeral store is lost, the default channel is used."""
_CACHED = 50_000


class LastChannels:
    """Remembers it, writing only when it changes."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases
        self._known: OrderedDict[UserId, str] = OrderedDict()

    async def remember(self, user: UserId, channel: str) -> None:
        """Keep that `user` wrote by `channel`."""
        if self._known.get(user) == channel:
            return
        self._known[user] = channel
        self._known.move_to_end(user)
        if len(self._known) > _CACHED:
            self._known.popitem(last=False)
        await self._leases.put(f"channel:{user}", channel, ttl=REMEMBERED)

    async def last_channel(self, user: UserId) -> str | None:
        """Return it, or None when not known."""
        key = f"channel:{user}"
        return (await self._leases.get_many([key])).get(key)
