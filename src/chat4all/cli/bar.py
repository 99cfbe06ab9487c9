"""The bar that shows how far a transfer is."""

from __future__ import annotations

import sys
from typing import Self

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from chat4all.cli.terminal import console
from chat4all.client.transfer import Moved


class Bar:
    """A line of progress on a terminal, and nothing elsewhere."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> Self:
        """Show it."""
        self._progress.start()
        self._task = self._progress.add_task("", total=None, visible=False)
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away again."""
        self._progress.stop()

    def phase(self, description: str, size: int, *, done: int = 0) -> Moved:
        """Begin a part of the work of `size` bytes, `done` of which are done already."""
        self._progress.reset(
            self._task, description=description, total=size, completed=done, visible=True
        )
        return lambda at: self._progress.update(self._task, completed=at)
