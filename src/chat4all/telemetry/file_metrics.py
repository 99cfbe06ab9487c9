"""What a node counts of files; `Metrics.files` is one.

The names of labels follow the semantic conventions where there are any.
https://opentelemetry.io/docs/specs/semconv/system/system-metrics/
"""

from __future__ import annotations

from opentelemetry.metrics import Meter

OUTCOMES = frozenset(
    {
        "again",
        "checksum_mismatch",
        "completed",
        "deleted",
        "harmful_file",
        "media_gone",
        "media_too_large",
        "media_unavailable",
        "quota_exceeded",
        "too_large",
        "upload_ended",
        "upload_expired",
    }
)
"""What is told as it is; other words, which connectors choose, are `refused`."""


class FileMetrics:
    """The instruments of files. No label names a file, a user or a conversation."""

    def __init__(self, meter: Meter) -> None:
        self._io = meter.create_counter("chat4all.file.io", unit="By")
        self._uploads = meter.create_counter("chat4all.file.uploads")
        self._fetches = meter.create_counter("chat4all.file.fetches")
        self._sweeps = meter.create_counter("chat4all.file.sweeps")
        self._swept = meter.create_counter("chat4all.file.swept")
        self._held = meter.create_gauge("chat4all.file.stored", unit="By")

    def file_bytes(self, direction: str, peer: str, count: int) -> None:
        """Count bytes of files that were taken in or given out."""
        self._io.add(count, {"network.io.direction": direction, "peer": peer})

    def file_upload(self, outcome: str) -> None:
        """Count an upload that came to its end, or was not begun."""
        self._uploads.add(1, {"outcome": _known(outcome)})

    def file_fetch(self, outcome: str) -> None:
        """Count a file of a platform that came, or never will."""
        self._fetches.add(1, {"outcome": _known(outcome)})

    def file_sweep(self, kind: str, count: int) -> None:
        """Count one look of the sweeper, and what it removed."""
        self._sweeps.add(1, {"kind": kind})
        self._swept.add(count, {"kind": kind})

    def file_store(self, size: int) -> None:
        """Show how many bytes the object store held when they were last counted."""
        self._held.set(size)


def _known(outcome: str) -> str:
    return outcome if outcome in OUTCOMES else "refused"
