"""What sending and fetching large files share: patience, and checksums."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

import httpx

from chat4all.client.errors import NotReached, refusal
from chat4all.client.pauses import Backoff

PIECE = 1024**2
GIVE_UP_SECONDS = 120.0
"""How long to try again while nothing gets through."""
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


class Calls(Protocol):
    """Calls on behalf of somebody."""

    async def token(self, *, instead_of: str | None = None) -> str:
        """Return an access token, another than `instead_of`."""
        ...

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: AsyncIterator[bytes] | None = None,
    ) -> httpx.Response:
        """Return the answer to one call, whatever it is. Raises `httpx.TransportError`."""
        ...


class BrokenOff(Exception):
    """A transfer ended in the middle and can be taken up again, after `wait` seconds."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait or 0.0


class Patience:
    """Waits between tries, longer each time, and gives up when nothing gets through."""

    def __init__(self) -> None:
        self._backoff = Backoff()
        self.progressed()

    def progressed(self) -> None:
        """Begin anew: something got through."""
        self._since = time.monotonic()
        self._backoff.reset()

    async def wait(self, cause: BrokenOff) -> None:
        """Wait for the next try. Raises `NotReached` when it was enough."""
        if time.monotonic() - self._since > GIVE_UP_SECONDS:
            raise NotReached(str(cause)) from cause
        await asyncio.sleep(max(cause.wait, self._backoff.next()))


def check(answer: httpx.Response) -> None:
    """Accept a success. Raises `BrokenOff` when it may work later, else `Refused`."""
    if answer.status_code in _LATER:
        refused = refusal(answer)
        raise BrokenOff(str(refused), refused.retry_after)
    if not answer.is_success:
        raise refusal(answer)


async def sha256_of(path: Path, moved: Moved) -> str:
    """Return `sha256:<hex>` of a file."""
    digest = hashlib.sha256()
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            digest.update(piece)
            moved(file.tell())
    return f"sha256:{digest.hexdigest()}"
