"""Token buckets that all nodes share, by the clock of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chat4all.adapters.redis.errors import translated
from chat4all.ports.ephemeral import Drawn

if TYPE_CHECKING:
    from redis.asyncio import Redis

# Redis truncates numbers that a script returns, so times go in and out as text. A bucket
# that would be full again is forgotten.
_TAKE = """
local rate, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(held[1]) or burst
local passed = math.max(0, now - (tonumber(held[2]) or now))
tokens = math.min(burst, tokens + passed * rate)
local left = string.format('%.9g', tokens)
if tokens < cost then return {string.format('%.9g', (cost - tokens) / rate), left} end
tokens = tokens - cost
redis.call('HSET', KEYS[1], 'tokens', string.format('%.17g', tokens),
           'at', string.format('%.17g', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(math.min((burst - tokens) / rate * 1000, 8.64e7)) + 1)
return {'0', string.format('%.9g', tokens)}
"""


class RedisRateLimits:
    """See `RateLimits`. A bucket that takes more than a day to fill is full after a day."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._prefix = f"{prefix}rate:"
        self._take = redis.register_script(_TAKE)

    async def take(self, key: str, *, rate: float, burst: float, cost: float = 1.0) -> float:
        """See `RateLimits.take`."""
        return (await self.draw(key, rate=rate, burst=burst, cost=cost)).wait

    async def draw(self, key: str, *, rate: float, burst: float, cost: float = 1.0) -> Drawn:
        """See `RateLimits.draw`."""
        with translated():
            wait, left = await self._take(keys=[self._prefix + key], args=[rate, burst, cost])
        return Drawn(float(wait), float(left))
