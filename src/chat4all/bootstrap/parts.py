"""The tasks of one process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self

from chat4all.bootstrap.supervisor import keep_running


class Parts:
    """Tasks that run until the context ends; all of them end with it."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in reversed(self._tasks):
            task.cancel()
            await asyncio.wait([task])

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Keep `work` running until the node ends."""
        self._tasks.append(asyncio.create_task(keep_running(name, work), name=name))
