"""A model of one upload, driven beside a real one: the example file and a place in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from chat4all.domain.errors import OffsetConflict
from chat4all.ports.object_store import ObjectStore
from chat4all.testing.object_store_storage import Tap, began, pieces, source, whole


class Broken(Exception):
    """The source of an append broke off."""


class UploadCourse:
    """Drives one upload of `size` bytes by turns on the nodes it is given."""

    def __init__(self, nodes: Sequence[ObjectStore], size: int) -> None:
        self._nodes = nodes
        self._size = size
        self._at = 0

    async def run(self, steps: Sequence[tuple[str, int]]) -> None:
        """Take `steps`, each a name and a number of bytes; then finish and compare."""
        key, token = await began(self._nodes[0], self._size)
        for turn, (name, wish) in enumerate(steps):
            uploads = self._nodes[turn % len(self._nodes)].uploads
            end = min(self._at + wish, self._size)
            if name == "append":
                assert await uploads.append(token, self._at, pieces(self._at, end)) == end
                self._at = end
            elif name == "break":
                with pytest.raises(Broken):
                    await uploads.append(token, self._at, _breaking(self._at, end))
                self._at = end
            elif name == "cancel":
                tap = Tap(source(self._at, end), b"")
                task = asyncio.create_task(uploads.append(token, self._at, tap.flow()))
                await tap.waiting.wait()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                self._at = end
            else:
                with pytest.raises(OffsetConflict):
                    await uploads.append(token, self._at + wish + 1, pieces(0, 100))
            assert await uploads.offset(token) == self._at
        last = self._nodes[len(steps) % len(self._nodes)]
        await last.uploads.append(token, self._at, pieces(self._at, self._size))
        assert (await last.uploads.complete(token)).size == self._size
        assert await whole(self._nodes[0], key) == source(0, self._size)


async def _breaking(start: int, end: int) -> AsyncIterator[bytes]:
    async for piece in pieces(start, end):
        yield piece
    raise Broken
