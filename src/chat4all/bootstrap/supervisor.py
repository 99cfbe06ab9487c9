"""Keeps the parts of a process running."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from chat4all.domain.errors import Unavailable

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
GOOD_RUN = 60.0
"""A part that ran this long (seconds) is begun anew after the first pause again."""


async def keep_running(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` until cancelled; when it fails, say so and begin it anew."""
    loop = asyncio.get_running_loop()
    pause = FIRST_PAUSE
    while True:
        started = loop.time()
        try:
            await work()
            log.warning("part ended; it begins anew", part=name)
        except Exception as error:  # whatever it was, the other parts go on
            if _waits(error):  # what it needs will be back: no fault of its own
                log.warning("part waits and begins anew", part=name, code=Unavailable.code)
            else:
                log.exception("part failed; it begins anew", part=name)
        if loop.time() - started > GOOD_RUN:
            pause = FIRST_PAUSE
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def _waits(error: Exception) -> bool:
    """Say whether nothing but `Unavailable` was raised, also by the tasks of a group."""
    if isinstance(error, ExceptionGroup):
        return all(_waits(one) for one in error.exceptions)
    return isinstance(error, Unavailable)
