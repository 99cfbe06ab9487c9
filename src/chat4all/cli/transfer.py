"""What sending and fetching large files share: a bar, patience, and checksums."""

from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Self

import httpx
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from chat4all.cli.api import explain
from chat4all.cli.failure import CommandFailed
from chat4all.cli.terminal import console

PIECE = 1024**2
GIVE_UP_SECONDS = 120.0
"""How long to try again while nothing gets through."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
_LATER = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.LOCKED,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
        HTTPStatus.INSUFFICIENT_STORAGE,
    }
)

Moved = Callable[[int], None]
"""Is told how many bytes are there."""


class BrokenOff(Exception):
    """A transfer ended in the middle and can be taken up again."""


class Patience:
    """Waits between tries, longer each time, and gives up when nothing gets through."""

    def __init__(self) -> None:
        self.progressed()

    def progressed(self) -> None:
        """Begin anew: something got through."""
        self._since = time.monotonic()
        self._pause = FIRST_PAUSE

    async def wait(self, cause: BrokenOff) -> None:
        """Wait for the next try. Raises `CommandFailed` when it was enough."""
        if time.monotonic() - self._since > GIVE_UP_SECONDS:
            raise CommandFailed(f"{cause}; run the same command again to go on")
        await asyncio.sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)


def check(answer: httpx.Response) -> None:
    """Accept a success. Raises `BrokenOff` when it may work later, else `CommandFailed`."""
    if answer.status_code in _LATER:
        raise BrokenOff(explain(answer))
    if not answer.is_success:
        raise CommandFailed(explain(answer))


async def sha256_of(path: Path, moved: Moved) -> str:
    """Return `sha256:<hex>` of a file."""
    digest = hashlib.sha256()
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            digest.update(piece)
            moved(file.tell())
    return f"sha256:{digest.hexdigest()}"


class Bar:
    """A line of progress on a terminal, and nothing elsewhere."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> Self:
        """Show it."""
        self._progress.start()
        self._task = self._progress.add_task("", total=None, visible=False)
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away again."""
        self._progress.stop()

    def phase(self, description: str, size: int, *, done: int = 0) -> Moved:
        """Begin a part of the work of `size` bytes, `done` of which are done already."""
        self._progress.reset(
            self._task, description=description, total=size, completed=done, visible=True
        )
        return lambda at: self._progress.update(self._task, completed=at)
