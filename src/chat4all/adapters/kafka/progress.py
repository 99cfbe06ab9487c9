"""How far each topic reaches, and how far each group has come: numbers that never wait."""

from __future__ import annotations

from collections.abc import Mapping

from chat4all.domain.events import Position

Ends = Mapping[int, tuple[int, int]]
"""Per partition the first offset that is kept, and the one that the next record gets."""


class Progress:
    """What was last heard of topics and groups, and what this process did since.

    Numbers only grow, so what is heard late does no harm.
    """

    def __init__(self) -> None:
        self._low: dict[str, dict[int, int]] = {}
        self._high: dict[str, dict[int, int]] = {}
        self._done: dict[tuple[str, str], dict[int, int]] = {}

    def ends(self, topic: str, ends: Ends) -> None:
        """Hear where the partitions of a topic begin and end."""
        for partition, (low, high) in ends.items():
            _raise(self._low.setdefault(topic, {}), partition, low)
            _raise(self._high.setdefault(topic, {}), partition, high)

    def appended(self, topic: str, partition: int, offset: int) -> None:
        """Hear that a record got its place."""
        _raise(self._high.setdefault(topic, {}), partition, offset + 1)

    def committed(self, topic: str, group: str, partition: int, offset: int) -> bool:
        """Hear that everything before `offset` is done; False when that is no news."""
        return _raise(self._done.setdefault((topic, group), {}), partition, offset)

    def done(self, topic: str, group: str, partition: int) -> int:
        """Return the offset before which everything is done."""
        return self._done.get((topic, group), {}).get(partition, 0)

    def places(self, topic: str, group: str) -> list[Position]:
        """Return up to where the group has committed."""
        done = self._done.get((topic, group), {})
        return [Position(part, offset - 1) for part, offset in sorted(done.items()) if offset]

    def backlog(self, topic: str, group: str) -> int:
        """Return how many records the group has yet to commit."""
        low, done = self._low.get(topic, {}), self._done.get((topic, group), {})
        return sum(
            max(0, high - max(low.get(partition, 0), done.get(partition, 0)))
            for partition, high in self._high.get(topic, {}).items()
        )


def _raise(numbers: dict[int, int], partition: int, number: int) -> bool:
    if number <= numbers.get(partition, -1):
        return False
    numbers[partition] = number
    return True
