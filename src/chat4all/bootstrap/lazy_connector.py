"""A connector that is made when it is first used: making it may load a library for seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from chat4all.domain.directory import Account
from chat4all.ports.connector import Connector

Make = Callable[[Account], Awaitable[Connector | None]]
"""Makes the connector of an account; None when it cannot run as it is configured."""


class LazyConnector:
    """An account that is followed here, and its connector, made once."""

    def __init__(self, account: Account, make: Make) -> None:
        self.account = account
        self._make = make
        self._making: asyncio.Task[Connector | None] | None = None

    @property
    def made(self) -> Connector | None:
        """Return the connector if it has been made by now."""
        making = self._making
        return making.result() if making is not None and making.done() else None

    def begin(self) -> asyncio.Task[Connector | None]:
        """Have it made meanwhile."""
        if self._making is None:
            self._making = asyncio.ensure_future(self._make(self.account))
        return self._making

    async def get(self) -> Connector | None:
        """Return it, made if need be; whoever stops waiting does not stop the making."""
        return await asyncio.shield(self.begin())

    async def aclose(self) -> None:
        """Close it, if somebody used it."""
        if self._making is not None and (connector := await self.get()) is not None:
            await connector.aclose()
