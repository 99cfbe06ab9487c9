"""People with accounts, signed in by the TypeScript client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.client.people import PASSWORD, register
from tests.sdk.node_client import NodeClient, ThrownError, node_client


@asynccontextmanager
async def signed_in(
    url: str, folder: Path, username: str, **options: Any
) -> AsyncIterator[NodeClient]:
    """Sign somebody in."""
    async with node_client(folder) as client:
        client.user = await client.call("signIn", url, username, PASSWORD, options)
        yield client


@asynccontextmanager
async def two_node_people(
    url: str, folder: Path, one: str, other: str
) -> AsyncIterator[tuple[NodeClient, NodeClient, str]]:
    """Sign two newcomers up and in; give their clients and their conversation."""
    await register(url, one, other)
    async with AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(signed_in(url, folder, name)) for name in (one, other)
        ]
        talk = await first.call("privateChat", second.user["id"])
        yield first, second, talk["id"]


async def whole_history(client: NodeClient, talk: str, count: int) -> list[dict[str, Any]]:
    """Return a conversation once it has so many messages."""
    async with asyncio.timeout(60):
        while True:
            found: list[dict[str, Any]] = await client.call("history", talk)
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


async def stored(client: NodeClient, message_id: str) -> dict[str, Any]:
    """Return a message that was accepted, once it has its place."""
    async with asyncio.timeout(60):
        while True:
            try:
                message: dict[str, Any] = await client.call("message", message_id)
            except ThrownError as error:
                if error.name != "NotFound":
                    raise
                await asyncio.sleep(0.02)
            else:
                return message
