"""At which nodes users are connected: a sorted set per user, by the time each place ends."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from chat4all.adapters.redis.errors import translated

if TYPE_CHECKING:
    from redis.asyncio import Redis

_AT_ONCE = 500  # users of one call: a script holds everybody else up

# By the clock of the server. Each returns one answer per key, in order.
_NOW = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
"""
_ARRIVE = (
    _NOW
    + """
local new = {}
for i, key in ipairs(KEYS) do
  local until_ = redis.call('ZSCORE', key, ARGV[1])
  new[i] = (until_ and tonumber(until_) > now) and 0 or 1
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  redis.call('ZADD', key, now + tonumber(ARGV[2]), ARGV[1])
  local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')
  redis.call('PEXPIRE', key, tonumber(last[2]) - now)
end
return new
"""
)
_NODES = (
    _NOW
    + """
local found = {}
for i, key in ipairs(KEYS) do
  found[i] = redis.call('ZRANGEBYSCORE', key, '(' .. now, '+inf')
end
return found
"""
)


class RedisRouting:
    """See `Routing`."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = f"{prefix}at:"
        self._arrive = redis.register_script(_ARRIVE)
        self._nodes = redis.register_script(_NODES)

    async def arrive(self, node: str, users: Collection[str], *, ttl: float) -> Collection[str]:
        """See `Routing.arrive`."""
        new: list[str] = []
        for some in _some(users):
            with translated():
                answers = await self._arrive(
                    keys=self._keys(some), args=[node, max(1, round(ttl * 1_000))]
                )
            new += [user for user, is_new in zip(some, answers, strict=True) if is_new]
        return new

    async def leave(self, node: str, users: Collection[str]) -> None:
        """See `Routing.leave`."""
        for some in _some(users):
            async with self._redis.pipeline(transaction=False) as calls:
                for key in self._keys(some):
                    calls.zrem(key, node)
                with translated():
                    await calls.execute()

    async def nodes_of(self, users: Collection[str]) -> Mapping[str, Collection[str]]:
        """See `Routing.nodes_of`."""
        found: dict[str, Collection[str]] = {}
        for some in _some(users):
            with translated():
                answers = await self._nodes(keys=self._keys(some))
            for user, nodes in zip(some, answers, strict=True):
                if nodes:
                    found[user] = {node.decode() for node in nodes}
        return found

    def _keys(self, users: Sequence[str]) -> list[str]:
        return [self._prefix + user for user in users]


def _some(users: Collection[str]) -> Iterator[Sequence[str]]:
    every = list(users)
    for start in range(0, len(every), _AT_ONCE):
        yield every[start : start + _AT_ONCE]
