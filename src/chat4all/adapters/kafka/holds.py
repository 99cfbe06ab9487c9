"""Which partitions a member of a group has, and which it may not give up this moment."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager

HOLD_SECONDS = 3.0
"""How long a partition that is asked back is held at most."""


class Holds:
    """Told by the member's thread what came and went, and asked on the loop."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ours: set[int] = set()
        self._held: Counter[int] = Counter()

    def came(self, partitions: Collection[int]) -> None:
        """Note that partitions are this member's."""
        with self._changed:
            self._ours.update(partitions)

    def lost(self, partitions: Collection[int]) -> None:
        """Note that partitions are not this member's any more."""
        with self._changed:
            self._ours.difference_update(partitions)

    def let_go(self, partitions: Collection[int]) -> None:
        """Have nobody hold these from now on; return when those who do are done."""
        with self._changed:
            self._ours.difference_update(partitions)
            self._changed.wait_for(
                lambda: not any(self._held[one] for one in partitions), HOLD_SECONDS
            )

    @contextmanager
    def hold(self, partition: int) -> Iterator[bool]:
        """See `Consumer.hold`."""
        with self._changed:
            ours = partition in self._ours
            self._held[partition] += ours
        try:
            yield ours
        finally:
            with self._changed:
                self._held[partition] -= ours
                self._changed.notify_all()
