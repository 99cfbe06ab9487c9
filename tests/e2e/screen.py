"""A device that shows what it is told, and comes back however often it is sent away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.e2e.account import Account

PATIENCE = 120.0


class Screen:
    """What one device shows: it resumes from its cursor however often it is sent away."""

    def __init__(self, account: Account, *others: Account) -> None:
        self._gateways = [account, *others]
        self.seqs: list[int] = []
        self.frames: list[dict[str, Any]] = []
        self.cursor: str | None = None
        self.ready = asyncio.Event()

    @asynccontextmanager
    async def on(self) -> AsyncIterator[Screen]:
        watching = asyncio.create_task(self._watch())
        try:
            async with asyncio.timeout(PATIENCE):
                await self.ready.wait()
            yield self
        finally:
            watching.cancel()
            await asyncio.wait([watching])

    def of(self, chat: str) -> list[int]:
        """Return the places of one conversation's messages, as they were told."""
        messages = [one["message"] for one in self.frames if one["type"] == "message"]
        return [one["seq"] for one in messages if one["conversation_id"] == chat]

    async def shows(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.seqs) < count:  # noqa: ASYNC110 - a list tells nobody
                await asyncio.sleep(0.05)

    async def _watch(self) -> None:
        turn = 0
        while True:
            try:
                async with self._gateways[turn % len(self._gateways)].socket() as socket:
                    await self._read(socket)
            except OSError:
                await asyncio.sleep(0.1)
            except Exception as error:  # noqa: BLE001 - it was sent away: it comes again
                self.frames.append({"type": "away", "why": repr(error)})
            turn += 1

    async def _read(self, socket: Any) -> None:
        async for text in socket:
            frame = json.loads(text)
            self.frames.append(frame)
            if frame["type"] == "ready":
                if self.cursor is not None:
                    await socket.send(json.dumps({"type": "resume", "cursor": self.cursor}))
                else:
                    self.cursor = frame["cursor"]
                self.ready.set()
            elif "cursor" in frame:
                self.cursor = frame["cursor"]
                if frame["type"] == "message":
                    self.seqs.append(frame["message"]["seq"])
