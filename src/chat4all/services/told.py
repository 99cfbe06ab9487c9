"""What one connected client was told, live and from the store: each event once."""

from __future__ import annotations

from chat4all.domain.events import Position, SyncCursor


class Told:
    """Begins where the client's connection began.

    What is told live of a partition has no gap from its first event on, so an event lies
    either before that, or was told, or comes later.
    """

    def __init__(self, start: SyncCursor) -> None:
        self.cursor = start
        """What the client has: what is told next stands after it."""
        self._resumed = SyncCursor({})
        self._caught_up = SyncCursor({})
        self._live: dict[int, tuple[int, int]] = {}

    def wants_live(self, position: Position) -> bool:
        """Say whether an event that comes now was not told from the store before."""
        return not (self._resumed.seen(position) or self._caught_up.seen(position))

    def live(self, position: Position) -> SyncCursor:
        """Note an event that is told now; return the cursor that goes with it."""
        first, last = self._live.get(position.partition, (position.offset, position.offset))
        self._live[position.partition] = first, max(last, position.offset)
        self.cursor = self.cursor.at(position)
        return self.cursor

    def wants_missed(self, position: Position) -> bool:
        """Say whether an event that the client asks for again was not told already."""
        first, last = self._live.get(position.partition, (0, -1))
        return not (self._resumed.seen(position) or first <= position.offset <= last)

    def resumed(self, cursor: SyncCursor) -> None:
        """Note up to where the client was told what it missed while it was away."""
        self._resumed = cursor
        self.cursor = self.cursor.joined(cursor)

    def caught_up(self, cursor: SyncCursor) -> None:
        """Note up to where the store was asked for what was not told live."""
        self._caught_up = self._caught_up.joined(cursor)
        self.cursor = self.cursor.joined(cursor)
