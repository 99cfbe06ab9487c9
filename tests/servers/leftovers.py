"""Processes of a test run whose test did not live to end them: a worker died, or the run was cut.

Whoever starts a process ends it. This is for when that cannot be: every process of a run has
inherited the run's name in its environment, and what still has it at the end is killed.
Linux tells the environment of a process; elsewhere nothing is found.
"""

from __future__ import annotations

import os
import signal
import uuid
from contextlib import suppress
from pathlib import Path

RUN = "TEST_RUN_OF_CHAT4ALL"
DEVSTACK = "DEVSTACK_OF_CHAT4ALL"
"""The same for the servers of a developer, who ends them; its value is their folder."""


def name_this_run() -> bool:
    """Name the run for all that it starts; return False in a process that it started itself."""
    if RUN in os.environ:
        return False
    os.environ[RUN] = uuid.uuid4().hex
    return True


def mark() -> dict[str, str]:
    """Return what belongs to the environment of a process that does not inherit ours."""
    return {name: os.environ[name] for name in (RUN, DEVSTACK) if name in os.environ}


def bearing(name: str, value: str) -> dict[int, str]:
    """Return the ids and commands of the processes with this variable in their environment."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile, or is another user's
            if f"{name}={value}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(folder.name)] = command.decode(errors="replace").strip()
    return found


def kill_what_is_left() -> dict[int, str]:
    """Kill every process that this run began; return their ids and commands."""
    found = bearing(RUN, os.environ[RUN])
    for process in found:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return found
