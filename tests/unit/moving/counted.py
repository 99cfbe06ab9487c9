"""What the tests of moving stand on."""

from __future__ import annotations


class Counted:
    """A meter that keeps what it is told."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int | None]] = []
        self.done = 0

    def begin(self, what: str, total: int | None = None) -> None:
        self.begun.append((what, total))
        self.done = 0

    def moved(self, count: int) -> None:
        self.done += count
