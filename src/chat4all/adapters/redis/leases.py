"""Values that vanish unless renewed. Every key has a time to live."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from chat4all.adapters.redis.errors import translated

if TYPE_CHECKING:
    from redis.asyncio import Redis

# What is there is returned; an absent key is set. One script, so nobody comes in between.
_CLAIM = """
local there = redis.call('GET', KEYS[1])
if there then return there end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
"""


class RedisLeases:
    """See `Leases`."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = f"{prefix}lease:"
        self._claim = redis.register_script(_CLAIM)

    async def put(self, key: str, value: str, *, ttl: float) -> None:
        """See `Leases.put`."""
        with translated():
            await self._redis.set(self._prefix + key, value, px=_milliseconds(ttl))

    async def get_many(self, keys: Collection[str]) -> Mapping[str, str]:
        """See `Leases.get_many`."""
        names = list(keys)
        if not names:
            return {}
        with translated():
            values = await self._redis.mget([self._prefix + name for name in names])
        found = zip(names, values, strict=True)
        return {name: _text(value) for name, value in found if value is not None}

    async def drop(self, key: str) -> None:
        """See `Leases.drop`."""
        with translated():
            await self._redis.delete(self._prefix + key)

    async def claim(self, key: str, value: str, *, ttl: float) -> str | None:
        """See `Leases.claim`."""
        with translated():
            there: bytes | None = await self._claim(
                keys=[self._prefix + key], args=[value, _milliseconds(ttl)]
            )
        return None if there is None else _text(there)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1_000))
