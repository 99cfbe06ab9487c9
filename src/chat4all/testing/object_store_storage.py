"""Example bytes, and the storage that the contracts of the object store ask for."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import ClassVar

import pytest

from chat4all.domain.ids import new_id
from chat4all.ports.object_store import ObjectKey, ObjectStore, StoredObject, UploadToken

OpenObjects = Callable[[], AbstractAsyncContextManager[ObjectStore]]
"""Opens one more object store on the storage of the test."""
MIME = "application/octet-stream"
_PERIOD = 1_000_003  # a prime: no part of a file looks like another part of it
_BLOCK = random.Random(20260301).randbytes(_PERIOD)  # noqa: S311 - example bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What a backend promises beyond the port; a test it cannot pass is skipped by name."""

    reads_outlive_delete: bool = True
    """A reader that began goes on when the object is deleted."""
    nested_keys: bool = True
    """There may be an object `a` beside an object `a/b`."""
    processes: bool = True
    """Other processes can open the storage: `in_a_process` is bound."""


class ObjectStorage(ABC):
    """Fixtures of every contract here; a backend binds `opened`."""

    features: ClassVar[Features] = Features()
    scale: ClassVar[int] = 1 << 20
    """About how many bytes this backend moves at a time; sizes in the tests are of its order."""
    many: ClassVar[int] = 120
    """More objects than this backend lists at a time."""
    most_memory: ClassVar[int] = 12 << 20
    """Bytes that an append may hold at most."""

    @pytest.fixture
    @abstractmethod
    def opened(self) -> OpenObjects:
        """Return what opens object stores that share one storage, empty at first."""

    @pytest.fixture
    def in_a_process(self) -> str:
        """Return Python source that sets `store` to one on the same storage, not yet entered."""
        return ""

    @pytest.fixture
    async def store(self, opened: OpenObjects) -> AsyncIterator[ObjectStore]:
        """One object store on the storage."""
        async with opened() as store:
            yield store

    @pytest.fixture
    async def peer(self, opened: OpenObjects) -> AsyncIterator[ObjectStore]:
        """Another one on the same storage, as another node has it."""
        async with opened() as peer:
            yield peer

    def _needs(self, promise: str) -> None:
        if not getattr(self.features, promise):
            pytest.skip(f"does not promise: {promise}")


def source(start: int, end: int) -> bytes:
    """Return the bytes from `start` up to `end` of the endless example file."""
    first = start % _PERIOD
    repeats = (first + end - start) // _PERIOD + 1
    return (_BLOCK * repeats)[first : first + end - start]


def a_key(folder: str = "files") -> ObjectKey:
    """Return the key of a new object."""
    return ObjectKey(f"{folder}/{new_id()}")


async def pieces(start: int, end: int, *, size: int = 65_536) -> AsyncIterator[bytes]:
    """Yield the example file from `start` up to `end`, as a server gets it."""
    for at in range(start, end, size):
        await asyncio.sleep(0)
        yield source(at, min(at + size, end))


async def whole(
    store: ObjectStore, key: ObjectKey, start: int = 0, end: int | None = None
) -> bytes:
    """Return all that `read` yields."""
    return b"".join([piece async for piece in store.read(key, start=start, end=end)])


async def put(store: ObjectStore, key: ObjectKey, size: int) -> StoredObject:
    """Store the first `size` bytes of the example file as `key`."""
    token = await store.uploads.begin(key, size=size, mime_type=MIME)
    assert await store.uploads.append(token, 0, pieces(0, size)) == size
    return await store.uploads.complete(token)


async def began(store: ObjectStore, size: int) -> tuple[ObjectKey, UploadToken]:
    """Begin an upload of `size` bytes."""
    key = a_key()
    return key, await store.uploads.begin(key, size=size, mime_type=MIME)


class Tap:
    """A source that gives `before`, then waits until it is opened, then gives `after`."""

    def __init__(self, before: bytes, after: bytes) -> None:
        self.waiting = asyncio.Event()
        self.open = asyncio.Event()
        self._before = before
        self._after = after

    async def flow(self) -> AsyncIterator[bytes]:
        """Yield both."""
        yield self._before
        self.waiting.set()
        await self.open.wait()
        yield self._after
