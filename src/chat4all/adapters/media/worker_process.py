"""One worker, from the side of the process that asks it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import Any, Self

from chat4all.adapters.media.found import Found, found_of
from chat4all.adapters.media.limits import MAX_THUMBNAIL_BYTES, Limits
from chat4all.ports.media import Bytes

_LINE_BYTES = 4096
_ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "TMPDIR")
"""What a worker inherits; the rest may hold tokens and passwords."""


class WorkerLost(Exception):
    """The worker died, or says what no worker of ours says; it must be ended."""


class WorkerProcess:
    """A worker that runs. It serves one file at a time."""

    def __init__(self, process: asyncio.subprocess.Process, limits: Limits) -> None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("a worker is spoken to by its pipes")
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._limits = limits
        self.served = 0

    @classmethod
    async def start(cls, limits: Limits) -> Self:
        """Start one."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "chat4all.adapters.media.worker",
            *(str(n) for n in (limits.cpu_seconds, limits.memory_bytes, limits.read_bytes)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_LINE_BYTES,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            start_new_session=True,  # Ctrl-C is for the server; it ends its workers
        )
        return cls(process, limits)

    @property
    def alive(self) -> bool:
        """Say whether it runs, as far as is known."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """Return the id of the process."""
        return self._process.pid

    async def look(self, data: Bytes, *, size: int, mime_type: str) -> Found:
        """Return what it finds. Raises `WorkerLost`, and what `data` raises."""
        self.served += 1
        await self._say(json.dumps({"size": size, "mime_type": mime_type}).encode() + b"\n")
        left = self._limits.read_bytes
        while True:
            told = await self._next()
            if "read" not in told:
                return await self._found(told)
            start, end = _range_of(told["read"], size)
            left -= end - start
            if left < 0:
                raise WorkerLost("it asks for more than may be read")
            await self._hand_over(data, start, end)

    async def end(self) -> None:
        """End it at once, and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._stdin.close()
        await self._process.wait()

    async def _hand_over(self, data: Bytes, start: int, end: int) -> None:
        left = end - start
        async for piece in data(start=start, end=end):
            await self._say(piece[:left])
            left -= min(left, len(piece))
        if left:
            raise WorkerLost("the file is shorter than it was said to be")

    async def _say(self, message: bytes) -> None:
        try:
            self._stdin.write(message)
            await self._stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise WorkerLost("it hung up") from error

    async def _next(self) -> dict[str, Any]:
        try:
            line = await self._stdout.readline()
            told = json.loads(line)
        except ValueError as error:  # also a line without end
            raise WorkerLost("it ended, or speaks in riddles") from error
        if not isinstance(told, dict):
            raise WorkerLost("it speaks in riddles")
        return told

    async def _found(self, told: dict[str, Any]) -> Found:
        length = told.get("thumbnail")
        if type(length) is not int or not 0 <= length <= MAX_THUMBNAIL_BYTES:
            raise WorkerLost("it speaks in riddles")
        try:
            thumbnail = await self._stdout.readexactly(length) if length else None
        except asyncio.IncompleteReadError as error:
            raise WorkerLost("it ended in mid-sentence") from error
        return found_of(told.get("found"), thumbnail)


def _range_of(asked: Any, size: int) -> tuple[int, int]:
    match asked:
        case [int(start), int(end)] if 0 <= start < end <= size:
            return start, end
        case _:
            raise WorkerLost("it asks for bytes that are not there")
