"""Memory of a process and all that descend from it, in MiB, as Linux tells it.

https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
"""

from __future__ import annotations

from pathlib import Path

from tests.chaos.memory import tree

RESIDENT, HIGHEST, ANONYMOUS = "VmRSS", "VmHWM", "RssAnon"


def resident(pid: int) -> float:
    """Return what is resident now; memory that processes share counts for each of them."""
    return _sum(pid, RESIDENT)


def anonymous(pid: int) -> float:
    """Return what is resident now and of no file."""
    return _sum(pid, ANONYMOUS)


def highest(pid: int) -> float:
    """Return the most that each of the processes which live now ever had resident, added up."""
    return _sum(pid, HIGHEST)


def _sum(pid: int, field: str) -> float:
    return round(sum(kib(_status(one), field) for one in tree(pid)) / 1024, 1)


def kib(status: str, field: str) -> int:
    """Return a field of `/proc/<pid>/status`; 0 when it is not there, as of a dead process."""
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0])
    return 0


def _status(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has just ended
        return ""
