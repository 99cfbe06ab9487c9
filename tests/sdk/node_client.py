"""The TypeScript client in a Node process, asked from Python."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.sdk.built import install_into

BRIDGE = Path(__file__).with_name("bridge.mjs")
MOST = 64 * 1024**2
"""Bytes of a line: the history of a test."""


class ThrownError(Exception):
    """What the client threw: its `name` and fields."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["name"], error["message"])
        self.name: str = error["name"]
        self.message: str = error["message"]
        self.fields = error


class NodeClient:
    """Calls methods of one client; made by `node_client`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.user: dict[str, Any] = {}
        """Who is signed in."""
        self.events: list[dict[str, Any]] = []
        self.told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        """The events again, to be taken one by one."""
        self.progress: list[tuple[int, int]] = []
        self._process = process
        self._ids = itertools.count()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._came = asyncio.Condition()

    async def call(self, name: str, *args: Any) -> Any:
        """Return what a method returns. Raises `ThrownError`."""
        return await self.begun(name, *args)

    def begun(self, name: str, *args: Any) -> asyncio.Future[Any]:
        """Call a method; return what will have its result."""
        assert self._process.stdin is not None
        number = next(self._ids)
        self._asked[number] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": number, "call": name, "args": args})
        self._process.stdin.write(line.encode() + b"\n")
        return self._asked[number]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages of the events that came."""
        return [one["message"] for one in self.events if one["type"] == "message"]

    async def until(self, kind: str, count: int) -> list[dict[str, Any]]:
        """Return the events of a kind once so many came."""
        async with asyncio.timeout(120), self._came:
            while True:
                found = [one for one in self.events if one["type"] == kind]
                if len(found) >= count:
                    return found
                await self._came.wait()

    async def read(self) -> None:
        """Take what comes from the process until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            async with self._came:
                if "event" in told:
                    self.events.append(told["event"])
                    self.told.put_nowait(told["event"])
                elif "progress" in told:
                    self.progress.append(tuple(told["progress"]))
                elif (asked := self._asked.pop(told["id"])) and not asked.cancelled():
                    if "error" in told:
                        asked.set_exception(ThrownError(told["error"]))
                    else:
                        asked.set_result(told["result"])
                self._came.notify_all()
        for left in self._asked.values():
            left.cancel()


def prepare(folder: Path) -> None:
    """Make `folder` one in which `node_client` can run."""
    folder.mkdir(parents=True, exist_ok=True)
    install_into(folder)
    shutil.copy(BRIDGE, folder)


@asynccontextmanager
async def node_client(folder: Path) -> AsyncIterator[NodeClient]:
    """Run Node in a folder that was prepared until the block ends; nobody is signed in yet."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    process = await asyncio.create_subprocess_exec(
        "node",
        BRIDGE.name,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=MOST,
    )
    client = NodeClient(process)
    reading = asyncio.create_task(client.read())
    try:
        yield client
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await reading
