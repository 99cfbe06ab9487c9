"""What a server sets for its process once it serves."""

import asyncio
import gc
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from chat4all.bootstrap.http_server import run_app
from chat4all.bootstrap.server import listen_on
from chat4all.settings import Settings

TRIES = 30


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*threshold)
    gc.unfreeze()


async def _nobody(scope: Any, receive: Any, send: Any) -> None:
    """Answer nothing."""


async def test_a_thread_that_has_to_store_something_is_not_kept_waiting_by_a_busy_loop() -> None:
    """It has to get the interpreter back after each call that let go of it."""
    ready = asyncio.Event()
    with listen_on(Settings(port=0)) as listener:
        serving = asyncio.create_task(run_app(_nobody, listener, ready.set))
        await ready.wait()
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
    waits: list[float] = []

    def lets_go() -> None:
        for _ in range(TRIES):
            before = time.perf_counter()
            time.sleep(0.001)
            waits.append(time.perf_counter() - before - 0.001)

    thread = threading.Thread(target=lets_go)
    thread.start()
    while thread.is_alive():
        sum(range(100))
    few = sorted(waits)[3]  # at the start the loop may not be busy yet
    assert few < 0.003
