"""A process that appends to an upload, and then waits to be killed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from chat4all.ports.object_store import ObjectStore, UploadToken
from chat4all.testing.object_store_storage import source

PIECE = 65_536


def write(store: AbstractAsyncContextManager[ObjectStore]) -> None:
    """Append the example file to upload `argv[1]` from `argv[2]` up to `argv[3]`."""
    token, start, end = UploadToken(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    asyncio.run(_append(store, token, start, end))


async def _append(
    opened: AbstractAsyncContextManager[ObjectStore], token: UploadToken, start: int, end: int
) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        for at in range(start, end, PIECE):
            sys.stdout.write(f"{at}\n")
            sys.stdout.flush()
            yield source(at, min(at + PIECE, end))
        await asyncio.Event().wait()

    async with opened as store:
        await store.uploads.append(token, start, slowly())
