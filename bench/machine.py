"""What was measured, and on what: without it a number says nothing."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import msgspec

from bench.servers import ROOT

LIBRARIES = (
    "uvicorn",
    "uvloop",
    "httptools",
    "websockets",
    "litestar",
    "msgspec",
    "sqlalchemy",
    "grpcio",
)

MADE = (
    ":!bench/results",
    ":!docs/explanation/performance.md",
    ":!docs/images/performance-*.svg",
)
"""What the benches write themselves, as git names all but these."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Hardware, system and versions."""

    cpu: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    sqlite: str
    libraries: dict[str, str]
    load_average: list[float]
    """Of the last 1, 5 and 15 minutes, before the bench began."""


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """The code that was measured; `dirty` when it is not quite what was committed."""

    id: str
    dirty: bool


def machine() -> Machine:
    """Return what this machine is."""
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        kernel=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        sqlite=sqlite3.sqlite_version,
        libraries={name: metadata.version(name) for name in LIBRARIES},
        load_average=[round(one, 2) for one in os.getloadavg()],
    )


def commit() -> Commit:
    """Return the commit that is checked out; `unknown` outside of a repository.

    Results of runs before, and the page that is made of them, are none of the code.
    """
    return Commit(
        id=_git("rev-parse", "--short=10", "HEAD") or "unknown",
        dirty=bool(_git("status", "--porcelain", "--", ":/", *MADE)),
    )


def _git(*arguments: str) -> str:
    program = shutil.which("git")
    if program is None:
        return ""
    done = subprocess.run(  # noqa: S603 - our own arguments
        [program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def _cpu() -> str:
    information = Path("/proc/cpuinfo")
    if sys.platform == "linux" and information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
