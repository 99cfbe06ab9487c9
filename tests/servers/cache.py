"""Where programs that tests need are kept between runs: outside the repository."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest


def cache_folder() -> Path:
    """Return the folder, which need not exist: CHAT4ALL_TEST_CACHE, or the user's cache."""
    chosen = os.environ.get("CHAT4ALL_TEST_CACHE")
    if chosen:
        return Path(chosen)
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "chat4all-tests"


@contextmanager
def alone(name: str) -> Iterator[Path]:
    """Make the folder `name` in the cache and hold it for this process; yield it."""
    folder = cache_folder() / name
    with held(folder):
        yield folder


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make a folder and hold it for this process, or wait for who does."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Missing(Exception):
    """Something that a server needs is not there; the text names it and says what to do."""


def skip_for(missing: Missing) -> NoReturn:
    """Skip the test, or fail where every backend has to be there."""
    if os.environ.get("CHAT4ALL_REQUIRE_BACKENDS") == "1":
        pytest.fail(str(missing))
    pytest.skip(str(missing))
