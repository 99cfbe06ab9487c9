"""An `Ephemeral` on Redis 7 or later (or Valkey), shared by every node with the same URL."""

from __future__ import annotations

from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisError

from chat4all.adapters.redis.bus import RedisBus
from chat4all.adapters.redis.errors import refused
from chat4all.adapters.redis.leases import RedisLeases
from chat4all.adapters.redis.rate_limits import RedisRateLimits
from chat4all.adapters.redis.routing import RedisRouting

_WAIT = 2.0
"""Seconds for which one call waits: a limit that answers late is worth nothing."""
_KEYS = "c4a:"


class RedisEphemeral:
    """Open it as a context. `url` is `redis://` or, with TLS, `rediss://`.

    Every key begins with `c4a:` and has a time to live, so any `maxmemory-policy` will do;
    `volatile-ttl` loses what ends first. Entering raises `BadSettings` when the server does
    not answer or refuses the password; no password stands in an error.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._place = f"{parts.hostname}:{parts.port or 6379}"
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=_WAIT,
            socket_connect_timeout=_WAIT,
            health_check_interval=15,
            retry=Retry(ExponentialWithJitterBackoff(base=0.01, cap=0.1), retries=1),
        )
        self._leases = RedisLeases(self._redis, _KEYS)
        self._rates = RedisRateLimits(self._redis, _KEYS)
        self._bus = RedisBus(self._redis, _KEYS)
        self._routing = RedisRouting(self._redis, _KEYS)

    async def __aenter__(self) -> Self:
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            await self._redis.aclose()
            raise refused(error, self._place) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._redis.aclose()

    @property
    def leases(self) -> RedisLeases:
        """Values that vanish unless renewed."""
        return self._leases

    @property
    def rates(self) -> RedisRateLimits:
        """Token buckets."""
        return self._rates

    @property
    def bus(self) -> RedisBus:
        """Messages between nodes."""
        return self._bus

    @property
    def routing(self) -> RedisRouting:
        """Who is connected where."""
        return self._routing
