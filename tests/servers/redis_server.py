"""A Redis of Debian's packages on a free loopback port, for as long as a context lasts."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.cache import Missing, skip_for
from tests.servers.process import free_port

PATIENCE = 30.0  # seconds


class RedisServer:
    """One server; it can be stopped and started again on the same port, and forgets all."""

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self._folder = folder
        self._options = options
        self.port = port or free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        command = [executable(), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self._folder)]
        # A title of its own is written over the environment, by which leftovers are found.
        command += ["--set-proc-title", "no"]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen([*command, *self._options], stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert time.monotonic() < deadline, (self._folder / "redis.log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def restarted(self) -> None:
        await asyncio.to_thread(self.stop)
        await asyncio.to_thread(self.start)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


def executable() -> str:
    """Return the program. Raises `Missing`."""
    found = shutil.which("redis-server")
    if found is None:
        raise Missing("needs Redis; on Debian: apt-get install redis-server")
    return found


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[RedisServer]:
    server = RedisServer(folder, *options)
    try:
        try:
            server.start()
        except Missing as missing:
            skip_for(missing)
        yield server
    finally:
        server.stop()
