"""`chat4all serve`, to be killed as a power cut would."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx

from tests.servers.process import free_port

READY_SECONDS = 240.0


class Server:
    """The program as a process of its own, always on the same port and data."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._settings = settings or {}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> float:
        """Start it; return the seconds until it was ready."""
        started = time.monotonic()
        program = "import sys; from chat4all.cli import main; sys.exit(main())"
        place = ("--data-dir", str(self._folder), "--port", str(self.port))
        with (self._folder.parent / "server.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", program, "serve", *place),
                env={**os.environ, **self._settings},
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(READY_SECONDS), httpx.AsyncClient(trust_env=False) as http:
            while True:
                with suppress(httpx.TransportError):
                    if (await http.get(f"{self.url}/readyz")).status_code == httpx.codes.OK:
                        return time.monotonic() - started
                assert self._process.returncode is None, "the server ended by itself"
                await asyncio.sleep(0.02)

    @property
    def pid(self) -> int:
        """Return the process id of the running server."""
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; nothing is waited for."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def kill(self) -> None:
        """End it as a power cut would."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            await self._process.wait()
