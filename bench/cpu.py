"""Processor time of processes, from `/proc` where there is one.

https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

from tests.chaos.memory import tree

_TICKS = os.sysconf("SC_CLK_TCK")
_UTIME = 11  # fields after the name, which may hold spaces itself


@dataclass(frozen=True, slots=True)
class Moment:
    """How much processor time was used up to a moment, in seconds."""

    at: float
    own: float
    loop: float
    threads: float


def moment(pid: int) -> Moment:
    """Return the state of this process and of the server `pid`: its main thread, and the rest."""
    loop = threads = 0.0
    for task in Path(f"/proc/{pid}/task").glob("*"):
        used = _used(task / "stat")
        if task.name == str(pid):
            loop = used
        else:
            threads += used
    return Moment(perf_counter(), process_time(), loop, threads)


def used_by(pid: int) -> float:
    """Return the processor seconds of a process and all that descend from it."""
    return sum(_used(Path(f"/proc/{one}/stat")) for one in tree(pid))


def _used(stat: Path) -> float:
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return 0.0
    return (int(fields[_UTIME]) + int(fields[_UTIME + 1])) / _TICKS


def cores(before: Moment, after: Moment) -> tuple[float, float, float]:
    """Return the cores used between two moments: own, the server's main thread, its others."""
    seconds = after.at - before.at
    return (
        round((after.own - before.own) / seconds, 3),
        round((after.loop - before.loop) / seconds, 3),
        round((after.threads - before.threads) / seconds, 3),
    )
