"""What holds for every run: nothing that it started is left running."""

from __future__ import annotations

import signal
import sys

import pytest

from tests.servers import leftovers

OURS = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[OURS] = leftovers.name_this_run()
    if config.stash[OURS]:  # who is asked to stop, stops in order, as on Ctrl-C
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.stash.get(OURS, False):
        for process, command in leftovers.kill_what_is_left().items():
            sys.stderr.write(f"killed what a test left running: {process} {command}\n")
