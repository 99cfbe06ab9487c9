"""Reads what was accepted a moment ago: it is in the log, and the store has it soon."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from chat4all.domain.errors import Unavailable
from chat4all.ports.event_log import COMMANDS, EventLog

T = TypeVar("T")

STORED_WITHIN = 2.0
"""Seconds for which one call waits for the store."""
LOOK, LONGEST_LOOK = 0.02, 0.2
"""Seconds between the first two looks at the store, and between later ones at most."""


class CatchingUp:
    """Lets one call ask the store until that has all that was accepted before the call.

    It looks at the log itself, which all processes share, so it does not matter who accepted
    it, nor whether the client chose the id. What is found at once asks the log nothing.
    """

    def __init__(self, event_log: EventLog, *, within: float = STORED_WITHIN) -> None:
        self._log = event_log
        self._within = within
        self._until: float | None = None
        self._look = LOOK
        self._awaited: dict[int, int] | None = None
        self._caught_up = False

    async def find(self, ask: Callable[[], Awaitable[T | None]]) -> T | None:
        """Return what `ask` finds, or None when nothing that was accepted can be it.

        All questions of one call share the time. Raises `Unavailable` when it is over and the
        store has not caught up: then nobody can tell.
        """
        found = await ask()
        if found is None and self._until is None:
            self._until = _now() + self._within
            self._awaited = {end.partition: end.offset for end in await self._log.ends(COMMANDS)}
        while found is None and not self._caught_up:
            self._caught_up = self._is_stored()  # before the store is asked for the last time
            if not self._caught_up:
                await self._pause()
            found = await ask()
        return found

    def _is_stored(self) -> bool:
        if self._awaited is None:  # the log did not tell where it ends
            return False
        done = {end.partition: end.offset for end in self._log.done(COMMANDS, "router")}
        return all(done.get(number, -1) >= offset for number, offset in self._awaited.items())

    async def _pause(self) -> None:
        left = 0.0 if self._until is None else self._until - _now()
        if left <= 0:
            raise Unavailable("messages wait to be stored; try again", retry_after=1)
        await asyncio.sleep(min(self._look, left))
        self._look = min(2 * self._look, LONGEST_LOOK)


def _now() -> float:
    return asyncio.get_running_loop().time()
