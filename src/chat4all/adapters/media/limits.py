"""What looking into one file may cost."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of the workers. Beyond any of them a file has no looks, and nothing else is lost."""

    workers: int = 2
    """Processes, and so files at a time."""
    waiting: int = 64
    """Files that may wait for a worker; one more has no looks."""
    seconds: float = 20.0
    """For one file from when a worker has it, and for one that waits for a worker."""
    cpu_seconds: int = 10
    """Of the processor, for one file."""
    memory_bytes: int = 1024 * MIB
    """Address space of one worker; what it holds idle is about 50 MiB."""
    read_bytes: int = 64 * MIB
    """Of one file, in all."""
    idle_seconds: float = 60.0
    """Until workers with nothing to do end, and give back their memory."""
    files_per_worker: int = 200
    """Until a worker is replaced, so that leaks of a decoder stay small."""


MAX_THUMBNAIL_BYTES = 512 * 1024
THUMBNAIL_SIDE = 480
"""Pixels of the longer side of a thumbnail."""
MAX_PIXELS = 50_000_000
"""Of a picture as it is decoded; more has a size and no thumbnail."""
MAX_SIDE = 30_000
"""Pixels of a side; a picture that says more of itself has no looks."""
