"""The running product together with what it says, for tests of what it must not say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.e2e.product import running_server

PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Watched:
    """A server, its data folder, and all that it printed."""

    url: str
    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def address(self) -> tuple[str, int]:
        url = httpx.URL(self.url)
        assert url.port is not None
        return url.host, url.port

    def output(self) -> str:
        return (self.folder / "output.txt").read_text(errors="replace")

    async def says(self, words: str) -> None:
        """Wait until it printed `words`."""
        await until(lambda: words in self.output())

    def complaints(self) -> list[str]:
        """Return the lines that tell of a fault of the server's own."""
        found = ("Traceback", "unhandled error", "Exception", '"level": "error"')
        return [line for line in self.output().splitlines() if any(one in line for one in found)]


@asynccontextmanager
async def watched_server(folder: Path, **settings: str) -> AsyncIterator[Watched]:
    """Run the product; `settings` are named without their prefix."""
    named = {f"CHAT4ALL_{name.upper()}": value for name, value in settings.items()}
    async with running_server(folder, named) as url:
        yield Watched(url, folder)


async def until(met: Callable[[], bool], *, within: float = PATIENCE) -> None:
    """Wait until a condition is met; fail after `within` seconds."""
    last = time.monotonic() + within
    while not met():
        assert time.monotonic() < last, "the condition was not met in time"
        await asyncio.sleep(0.05)
