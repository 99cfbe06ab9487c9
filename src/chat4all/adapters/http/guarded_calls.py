"""HTTP calls whose connections go to addresses that were checked, and to no others.

The name is looked up once for each connection; what is connected to is one of the addresses
that were checked, so a name that answers otherwise the next time changes nothing. Redirects
are answers, and no proxy of the environment is used.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpcore

from chat4all.domain.public_addresses import Resolve, require_allowed
from chat4all.domain.retry_after import seconds_to_wait
from chat4all.ports.webhooks import Answer

ANSWER_BYTES = 1_024
"""Bytes of an answer that are read."""
CONNECT_SECONDS = 10.0
CONNECTIONS = 100
"""Open connections to receivers, at most."""
IDLE_SECONDS = 10.0
"""Seconds for which a connection is kept for the next event."""


class GuardedCalls:
    """Connections to addresses that `allows` says yes to; with `trust` by TLS."""

    def __init__(
        self, allows: Callable[[str], bool], resolve: Resolve, trust: ssl.SSLContext | None = None
    ) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trust,
            network_backend=_GuardedNetwork(allows, resolve),
            max_connections=CONNECTIONS,
            keepalive_expiry=IDLE_SECONDS,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return what the receiver said, or why it said nothing.

        Raises `InvalidInput` for an address that may not be called, `TimeoutError`.
        """
        try:
            return await self._post(url, headers, body)
        except httpcore.TimeoutException as error:
            raise TimeoutError from error
        except socket.gaierror:
            return Answer(error="the name was not found")
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError) as error:
            return Answer(error=str(error)[:200] or type(error).__name__)

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        async with self._pool.stream(
            "POST",
            url,
            headers=[
                *headers.items(),
                ("content-length", str(len(body))),
                ("accept-encoding", "identity"),
            ],
            content=body,
            extensions={"timeout": {"connect": CONNECT_SECONDS}},
        ) as response:
            beginning = bytearray()
            async for chunk in response.aiter_stream():
                beginning += chunk
                if len(beginning) >= ANSWER_BYTES:
                    break
            told = {name.lower(): value for name, value in response.headers}
            return Answer(
                status=response.status,
                text=beginning[:ANSWER_BYTES].decode(errors="replace").replace("\0", "\ufffd"),
                retry_after=seconds_to_wait(told.get(b"retry-after", b"").decode("latin-1")),
            )


class _GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Looks names up, checks what comes, and connects to that."""

    def __init__(self, allows: Callable[[str], bool], resolve: Resolve) -> None:
        self._allows = allows
        self._resolve = resolve
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        found = require_allowed(host, await self._resolve(host, port), self._allows)
        for last, address in enumerate(found, start=1 - len(found)):
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if last == 0:
                    raise
        raise httpcore.ConnectError("no address")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
