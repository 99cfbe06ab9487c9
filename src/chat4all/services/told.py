"""What one connected client was told, live and from the store: each event once."""

from __future__ import annotations

from chat4all.domain.events import NOWHERE, Position, SyncCursor


class Steps:
    """Cursors after one more event. Clients that have seen the same share theirs."""

    __slots__ = ("_after", "_known", "_position")

    def __init__(self) -> None:
        self._position: Position | None = None
        self._after: dict[int, tuple[SyncCursor, SyncCursor]] = {}
        self._known: dict[str, SyncCursor] = {}

    def after(self, cursor: SyncCursor, position: Position) -> SyncCursor:
        """Return the cursor of who was at `cursor` and has seen `position`."""
        if position is not self._position:
            self._position, self._after, self._known = position, {}, {}
        # By identity, which is quick; the first of the pair is kept so that its id stays its own.
        step = self._after.get(id(cursor))
        if step is None:
            after = cursor.at(position)
            step = self._after[id(cursor)] = cursor, self._known.setdefault(str(after), after)
        return step[1]


class Told:
    """Begins where the client's connection began.

    What is told live of a partition has no gap from its first event on, so an event lies
    either before that, or was told, or comes later.
    """

    __slots__ = ("_live", "_resumed", "_steps", "_stored", "cursor")

    def __init__(self, start: SyncCursor, steps: Steps) -> None:
        self._steps = steps
        self.cursor = start
        """What the client has: what is told next stands after it."""
        self._resumed = NOWHERE
        self._stored = NOWHERE
        """Up to where the client was told from the store, for whichever reason."""
        self._live: dict[int, tuple[int, int]] = {}

    def wants_live(self, position: Position) -> bool:
        """Say whether an event that comes now was not told from the store before."""
        return not self._stored.seen(position)

    def live(self, position: Position) -> SyncCursor:
        """Note an event that is told now; return the cursor that goes with it."""
        offset = position.offset
        span = self._live.get(position.partition)
        if span is None:
            self._live[position.partition] = offset, offset
        elif offset > span[1]:
            self._live[position.partition] = span[0], offset
        self.cursor = self._steps.after(self.cursor, position)
        return self.cursor

    def wants_missed(self, position: Position) -> bool:
        """Say whether an event that the client asks for again was not told already."""
        first, last = self._live.get(position.partition, (0, -1))
        return not (self._resumed.seen(position) or first <= position.offset <= last)

    def resumed(self, cursor: SyncCursor) -> None:
        """Note up to where the client was told what it missed while it was away."""
        self._resumed = cursor
        self._stored = self._stored.joined(cursor)
        self.cursor = self.cursor.joined(cursor)

    def caught_up(self, cursor: SyncCursor) -> None:
        """Note up to where the store was asked for what was not told live."""
        self._stored = self._stored.joined(cursor)
        self.cursor = self.cursor.joined(cursor)
