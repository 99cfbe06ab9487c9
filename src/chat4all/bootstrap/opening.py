"""Opens a node: its databases, and meanwhile the modules of what runs on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from types import ModuleType
from typing import TYPE_CHECKING

from chat4all.bootstrap.operator import operator_key
from chat4all.bootstrap.passwords import open_passwords
from chat4all.bootstrap.storage import open_storage
from chat4all.bootstrap.uncollected import uncollected
from chat4all.settings import Settings

if TYPE_CHECKING:
    from chat4all.bootstrap.node import Node


@asynccontextmanager
async def open_node(settings: Settings, *, connected: bool = True) -> AsyncIterator[Node]:
    """Run a node until the context ends; it is ready when the context begins.

    One that is not `connected` speaks to no platform: nothing is delivered, nothing polled.
    Raises `StartRefused` with what is wrong and what to do.
    """
    async with AsyncExitStack() as stack:
        loading = asyncio.create_task(asyncio.to_thread(_load_node))
        storage = await stack.enter_async_context(open_storage(settings))
        passwords = await stack.enter_async_context(open_passwords())
        key = await operator_key(storage.directory, passwords)
        node = await loading
        yield await stack.enter_async_context(
            node.run_node(settings, storage, passwords, key, connected=connected)
        )


def _load_node() -> ModuleType:
    with uncollected():  # while the disk and a hash are waited for
        from chat4all.bootstrap import http_server, node  # noqa: F401, PLC0415 - the server's too
    return node
