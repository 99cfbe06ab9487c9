"""Processes of the product that a test kills and starts again on one data folder."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.e2e.nursery import Born, Nursery
from tests.servers.process import free_port

START_SECONDS = 120.0
CHAT4ALL = Path(sys.executable).parent / "chat4all"


class Role:
    """One process: `chat4all WORDS --port PORT --data-dir FOLDER`."""

    def __init__(
        self,
        words: tuple[str, ...],
        folder: Path,
        settings: Mapping[str, str],
        *,
        name: str = "",
        output: Path | None = None,
        program: Sequence[str] = (str(CHAT4ALL),),
        nursery: Nursery | None = None,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = output or folder / f"{name or words[-1]}.txt"
        options = ("--port", str(self.port), "--data-dir", str(folder / "data"))
        self.words = (*words, *options)
        self._program = program
        self.nursery = nursery
        """What starts it; without one the program is loaded anew, as it is for its users."""
        self.settings = dict(settings)
        self._process: asyncio.subprocess.Process | Born | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self, *, within: float = START_SECONDS) -> None:
        """Start, and wait until it is ready."""
        await self.launch()
        await self.is_up(within=within)

    async def is_up(self, *, within: float = START_SECONDS) -> None:
        """Wait until it is ready."""
        async with asyncio.timeout(within):
            while not await self.is_ready():  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)

    async def is_ready(self) -> bool:
        """Ask it; fail when it has ended."""
        assert self._process is not None
        ended = self._process.returncode
        assert ended is None, (ended, self.output.read_text())
        async with httpx.AsyncClient(trust_env=False) as http:
            try:
                return (await http.get(f"{self.url}/readyz")).is_success
            except httpx.TransportError:
                return False

    async def launch(self) -> None:
        """Start, and wait for nothing."""
        if self.nursery is not None:
            self._process = self.nursery.start(self.words, self.settings, self.output)
            return
        given = {k: v for k, v in os.environ.items() if not k.startswith("CHAT4ALL_")}
        with self.output.open("ab") as sink:
            self._process = await asyncio.create_subprocess_exec(
                *self._program,
                *self.words,
                env={**given, **self.settings},
                stdout=sink,
                stderr=sink,
            )

    async def ended(self) -> int:
        """Return with what it ends by itself."""
        assert self._process is not None
        async with asyncio.timeout(START_SECONDS):
            return await self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal and go on."""
        assert self._process is not None
        self._process.send_signal(number)

    async def kill(self) -> None:
        """End it with SIGKILL."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """End it with SIGTERM; it must end by itself."""
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(number)
        async with asyncio.timeout(30):
            await self._process.wait()


@asynccontextmanager
async def server_and_files(folder: Path) -> AsyncIterator[tuple[Role, Role]]:
    """Run a server, and the role `files` beside it."""
    server, files = Role(("serve",), folder, {}), Role(("run", "files"), folder, {})
    for role in (server, files):
        role.settings |= {"CHAT4ALL_PUBLIC_URL": server.url, "CHAT4ALL_FILES_URL": files.url}
    try:
        await server.start()
        await files.start()
        yield server, files
    finally:
        await files.stop()
        await server.stop()
