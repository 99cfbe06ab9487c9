"""A temporary file for bytes that must be whole before anything is done with them."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import IO, ParamSpec, TypeVar

from chat4all.domain.errors import StorageFull, TooLarge

P = ParamSpec("P")
T = TypeVar("T")

PIECE = 1024 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Spooled:
    """Bytes on the disk that vanish with the process; `size` is of all that came."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self.size = 0

    @property
    def checksum(self) -> str:
        """Return `sha256:<hex>` of what came."""
        return f"sha256:{self._sha256.hexdigest()}"

    async def fill(self, data: AsyncIterable[bytes], *, limit: int) -> None:
        """Take everything. Raises `TooLarge` beyond `limit` bytes, `StorageFull`."""
        async for piece in data:
            self.size += len(piece)
            if self.size > limit:
                raise TooLarge(f"there are more than the {limit} bytes that are taken")
            await _done(self._keep, piece)

    async def read(self) -> AsyncIterator[bytes]:
        """Stream what came, from its start."""
        await _done(self._file.seek, 0)
        while piece := await _done(self._file.read, PIECE):
            yield piece

    def _keep(self, piece: bytes) -> None:
        self._sha256.update(piece)
        try:
            left = memoryview(piece)
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            if error.errno in _FULL:
                raise StorageFull("the disk is full; free some space, then try again") from error
            raise


class Spool:
    """Makes temporary files in a folder, which is made when it is missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @asynccontextmanager
    async def file(self) -> AsyncIterator[Spooled]:
        """Give a file; nothing of it is left after the block."""
        opened = ExitStack()
        try:
            yield Spooled(await _done(self._open, opened))
        finally:
            await _done(opened.close)

    def _open(self, opened: ExitStack) -> IO[bytes]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return opened.enter_context(tempfile.TemporaryFile(dir=self._folder, buffering=0))


async def _done(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Have a thread do it; being cancelled counts once it is done, for it cannot be stopped."""
    task = asyncio.create_task(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    finally:
        await asyncio.wait([task])
