"""One message on its way to a platform, and how it is kept from going twice."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from chat4all.domain.delivery import DeliveryTask, Try
from chat4all.domain.errors import ChannelError
from chat4all.domain.outgoing import FileRef, Sent
from chat4all.domain.payload import Payload

TRIES, TRY_TEXT = 20, 300
"""How many tries in vain are told, the last ones, and how many characters of each answer."""
ANSWER_SECONDS = 3.0
"""How long whoever is told to stop waits for the answer to a call that is under way."""

Hold = Callable[[], AbstractContextManager[bool]]
"""Keeps the task here while a block lasts; yields False when it went to another process."""


def alone() -> AbstractContextManager[bool]:
    """Hold a task that no other process could have. It is a `Hold`."""
    return nullcontext(enter_result=True)


class HandedOver(Exception):
    """Another process has the task now, and does what is left of it."""


@dataclass(slots=True)
class Sending:
    """One message on its way: its parts, and what the platform has taken of them."""

    task: DeliveryTask
    at: datetime
    hold: Hold
    parts: Sequence[Payload] = ()
    note: str | None = None
    file: FileRef | None = None
    reply_to: str | None = None
    taken: list[Sent] = field(default_factory=list)
    attempts: int = 0
    tries: deque[Try] = field(default_factory=partial(deque, maxlen=TRIES))
    looked_at: float = 0.0

    def tried(self, error: ChannelError, at: datetime) -> None:
        """Keep the answer to a call that is made again."""
        self.tries.append(Try(at=at, code=error.reason, text=str(error)[:TRY_TEXT]))


async def to_its_end(work: Coroutine[Any, Any, None], hold: Hold) -> None:
    """Call a platform and report it: once begun it is not broken off, for it would be repeated.

    Raises `HandedOver` when the task is not ours any more. When cancelled it waits
    `ANSWER_SECONDS` for the end, and only then breaks off.
    """
    with hold() as ours:
        if not ours:
            work.close()
            raise HandedOver
        doing = asyncio.ensure_future(work)
        try:
            await asyncio.shield(doing)
        except asyncio.CancelledError:
            await asyncio.wait([doing], timeout=ANSWER_SECONDS)
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)
            raise
