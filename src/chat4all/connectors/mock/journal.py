"""The file in which the simulated phones keep what happened: one JSON object a line."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from chat4all.connectors.mock.screens import Act

_log = logging.getLogger(__name__)


class Journal:
    """Appends acts to `phones.jsonl` in `folder`; without a folder it keeps nothing.

    A line is flushed and not synced: it survives the program, not the machine.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / "phones.jsonl" if folder else None
        self._file: IO[str] | None = None
        self.lines = 0

    def read(self) -> Iterator[Act]:
        """Return the acts so far, without a line that was cut short."""
        if self._path is None or not self._path.exists():
            return
        with self._path.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    act = json.loads(line)
                except ValueError:
                    _log.warning("%s: line %d is unreadable; skipping it", self._path.name, number)
                    continue
                yield act

    def rewrite(self, acts: Iterable[Act]) -> None:
        """Replace the file by one with `acts`, and append to that from now on."""
        if self._path is None:
            return
        self.close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        self.lines = 0
        with fresh.open("w", encoding="utf-8") as lines:
            for act in acts:
                lines.write(_line(act))
                self.lines += 1
        fresh.replace(self._path)
        self._file = self._path.open("a", encoding="utf-8")

    def append(self, act: Act) -> None:
        """Keep one act."""
        if self._file is None:
            return
        self._file.write(_line(act))
        self._file.flush()
        self.lines += 1

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _line(act: Act) -> str:
    return json.dumps(act, separators=(",", ":")) + "\n"
