"""Who counts what happens to files."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable
from typing import Literal, Protocol

Direction = Literal["receive", "transmit"]
Peer = Literal["client", "platform"]
Swept = Literal["expired", "half_gone", "unsent", "stray_upload"]

COMPLETED = "completed"
AGAIN = "again"
STEP = 1024 * 1024
"""Bytes of a stream between two calls of its counter."""


class FileMeter(Protocol):
    """Counts; an `outcome` is `completed` or the code of why there is no file."""

    def file_bytes(self, direction: Direction, peer: Peer, count: int) -> None:
        """Count bytes of files that were taken in or given out."""
        ...

    def file_upload(self, outcome: str) -> None:
        """Count an upload of a client that came to its end, or was not begun."""
        ...

    def file_fetch(self, outcome: str) -> None:
        """Count a file of a platform that came, or never will; `again`: a try in vain."""
        ...

    def file_sweep(self, kind: Swept, count: int) -> None:
        """Count one look of the sweeper for files of a kind, and the `count` it removed."""
        ...

    def file_store(self, size: int) -> None:
        """Show how many bytes the object store held when they were last counted."""
        ...


class NoFileMeter:
    """Counts nothing."""

    def file_bytes(self, direction: Direction, peer: Peer, count: int) -> None:
        """Do nothing."""

    def file_upload(self, outcome: str) -> None:
        """Do nothing."""

    def file_fetch(self, outcome: str) -> None:
        """Do nothing."""

    def file_sweep(self, kind: Swept, count: int) -> None:
        """Do nothing."""

    def file_store(self, size: int) -> None:
        """Do nothing."""


async def counted(
    data: AsyncIterable[bytes], count: Callable[[int], None]
) -> AsyncGenerator[bytes, None]:
    """Yield `data`; call `count` with how many bytes came, each MiB and at the end."""
    waiting = 0
    try:
        async for piece in data:
            waiting += len(piece)
            if waiting >= STEP:
                count(waiting)
                waiting = 0
            yield piece
    finally:
        if waiting:
            count(waiting)
