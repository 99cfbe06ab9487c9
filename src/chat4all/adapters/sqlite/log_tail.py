"""The newest records of one partition, handed to its readers without reading the file."""

from __future__ import annotations

from collections.abc import Sequence

from chat4all.ports.event_log import LogRecord

KEPT_RECORDS = 8192
KEPT_BYTES = 16 << 20


class Tail:
    """Holds the records from `base` up to `end`, and nothing when nobody reads.

    Both limits may be passed twofold before the older part is let go. A reader whose next
    offset lies before `base` finds what it needs in the file.
    """

    __slots__ = ("_bytes", "_records", "base", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.base = end
        self._records: list[LogRecord] = []
        self._bytes = 0

    @property
    def end(self) -> int:
        """The offset that the next record will have."""
        return self.base + len(self._records)

    def extend(self, first: int, records: Sequence[LogRecord]) -> None:
        """Take what was committed at `first`; what the file was found to hold is skipped."""
        if first < self.end:
            return
        if first > self.end:
            self.skip_to(first)
        self._records += records
        self._bytes += sum([len(record.value) for record in records])
        if len(self._records) > 2 * KEPT_RECORDS or self._bytes > 2 * KEPT_BYTES:
            self._let_go()

    def skip_to(self, end: int) -> None:
        """Go on at `end`, when what lies before it is in the file alone."""
        if end > self.end:
            self.base = end
            self._records = []
            self._bytes = 0

    def trimmed_to(self, start: int) -> None:
        """Forget what the file no longer holds."""
        self.start = max(self.start, start)
        if start > self.base:
            del self._records[: start - self.base]
            self.base = max(start, self.base)
            self._bytes = sum([len(record.value) for record in self._records])

    def slice(self, offset: int, limit: int) -> list[LogRecord]:
        """Return up to `limit` records from `offset` on, which is not before `base`."""
        at = offset - self.base
        return self._records[at : at + limit]

    def _let_go(self) -> None:
        kept, size = 0, 0
        for record in reversed(self._records):
            size += len(record.value)
            if kept == KEPT_RECORDS or size > KEPT_BYTES:
                break
            kept += 1
        gone = len(self._records) - kept
        del self._records[:gone]
        self.base += gone
        self._bytes = sum([len(record.value) for record in self._records])
