"""The log, with the dead letters counted that are parked in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chat4all.domain.events import Position
from chat4all.ports.event_log import DEAD_LETTERS, Record
from chat4all.services.dead_letters import parked_in
from chat4all.services.forwarded_log import ForwardedLog, WholeLog


class CountedLog(ForwardedLog):
    """`parked` is told of every dead letter which stream its record is of."""

    def __init__(self, log: WholeLog, parked: Callable[[str], None]) -> None:
        super().__init__(log)
        self._parked = parked

    async def append(self, records: Sequence[Record]) -> Sequence[Position]:
        """See `EventLog.append`."""
        positions = await self._log.append(records)
        for one in records:
            letter = parked_in(one) if one.stream == DEAD_LETTERS else None
            if letter is not None:
                self._parked(letter[0])
        return positions
