"""Posts to addresses that strangers gave, and reaches nothing inside by it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from chat4all.domain.errors import InvalidInput
from chat4all.domain.public_addresses import (
    AllowedAddresses,
    Resolve,
    require_allowed,
    target_of,
    unreachable,
)
from chat4all.ports.webhooks import Answer

if TYPE_CHECKING:
    from chat4all.adapters.http.guarded_calls import GuardedCalls

LOOK_UP_SECONDS = 10.0
TOTAL_SECONDS = 20.0
"""Seconds for a whole call, the connection and the look-up of the name included."""
NAMES_AT_A_TIME = 8
"""Look-ups at a time: the system's block a thread each, and strangers choose the names."""
NO_TLS = "this address cannot be called: use https, so that nobody on the way reads the events"


class GuardedPost:
    """`Post` over HTTP/1.1. Without TLS only to the networks that were named.

    Work ends with `async with`. The library of HTTP is loaded with the first call.
    """

    def __init__(
        self,
        allowed: AllowedAddresses,
        *,
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._allowed = allowed
        self._threads = ThreadPoolExecutor(NAMES_AT_A_TIME, "names-of-receivers")
        self._resolve = resolve or self._ask_system
        self._trust = trust
        self._total = total_seconds

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for name in ("_secure", "_plain"):
            if name in self.__dict__:
                await getattr(self, name).aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def check(self, url: str) -> None:
        """See `Post.check`."""
        target = target_of(url)
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                found = await self._resolve(target.host, target.port)
        except (OSError, TimeoutError) as error:
            raise unreachable(target.host) from error
        require_allowed(target.host, found, self._allowed.allows)
        if target.scheme != "https" and not all(map(self._allowed.named, found)):
            raise InvalidInput(NO_TLS, [("/url", "use https")])

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """See `Post.__call__`."""
        try:
            calls = self._secure if target_of(url).scheme == "https" else self._plain
            async with asyncio.timeout(self._total):
                return await calls.post(url, headers, body)
        except InvalidInput as error:
            return Answer(error=str(error))
        except TimeoutError:
            return Answer(error=f"no answer within {self._total:g} seconds")

    @cached_property
    def _secure(self) -> GuardedCalls:
        from chat4all.adapters.http.guarded_calls import GuardedCalls  # noqa: PLC0415 - see above

        trust = self._trust or ssl.create_default_context()
        return GuardedCalls(self._allowed.allows, self._resolve, trust)

    @cached_property
    def _plain(self) -> GuardedCalls:
        from chat4all.adapters.http.guarded_calls import GuardedCalls  # noqa: PLC0415 - see above

        return GuardedCalls(self._allowed.named, self._resolve)

    async def _ask_system(self, host: str, port: int) -> Sequence[str]:
        look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        return [str(address[0]) for *_, address in found]
