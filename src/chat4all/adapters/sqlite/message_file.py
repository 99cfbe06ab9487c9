"""The file that messages live in: one writer, and readers that see what it was told."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from chat4all.adapters.sqlite.message_schema import VERSION, make_schema
from chat4all.adapters.sqlite.writer import Writer

T = TypeVar("T")


class MessageFile:
    """The open file; what it is good for is told by the classes that build on it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = Writer(path, make_schema, version=VERSION)
        self._latest: asyncio.Future[object] | None = None

    async def __aenter__(self) -> Self:
        await self._writer.__aenter__()
        self._opened()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed()
        await self._writer.__aexit__(kind, error, trace)

    def _opened(self) -> None:
        """Begin what goes on in the background."""

    def _closed(self) -> None:
        """End what goes on in the background."""

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Submit `work`; every later `_read` sees what it did."""
        future = self._writer.submit(work)
        self._latest = future  # type: ignore[assignment] # Future is invariant; only waited for
        return future

    async def _read(self, work: Callable[[sqlite3.Connection], T], *, brief: bool = False) -> T:
        """Run `work` in a reading thread after all that was written so far; see `Writer.read`.

        Works finish in the order they were submitted, so waiting for the last is enough.
        """
        latest = self._latest
        if latest is not None and not latest.done():
            await asyncio.wait([latest])
        return await self._writer.read(work, brief=brief)
