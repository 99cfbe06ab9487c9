"""Which commands were refused: they lie among the dead letters, with their reason."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Protocol

from chat4all.domain.errors import UnreadableRecord
from chat4all.domain.events import Position
from chat4all.ports.event_log import COMMANDS, DEAD_LETTERS, EventLog, SupportsRead
from chat4all.services.dead_letters import parked_in
from chat4all.services.records import decode_command, encode_command

_BLOCK = 500


class ReadableLog(EventLog, SupportsRead, Protocol):
    """A log whose records can be read by their place."""


class Refusals:
    """Reads the dead letters when it is first asked, and from then on what was added.

    Keeps sixteen bytes of each that is a command.
    """

    def __init__(self, log: ReadableLog) -> None:
        self._log = log
        self._known: set[bytes] = set()
        self._read: dict[int, int] = {}

    async def has(self, value: bytes) -> bool:
        """Say whether the command in a record value was refused or could not be read."""
        if _mark(value) not in self._known:
            await self._read_on()
        return _mark(value) in self._known

    async def _read_on(self) -> None:
        for end in await self._log.ends(DEAD_LETTERS):
            done = self._read.get(end.partition, -1)
            while done < end.offset:
                after = Position(end.partition, done)
                records = await self._log.read(DEAD_LETTERS, after=after, limit=_BLOCK)
                for record in records:
                    parked = parked_in(record)
                    if parked is not None and parked[0] == COMMANDS:
                        self._known.add(_mark(parked[1]))
                done = records[-1].position.offset if records else end.offset
                self._read[end.partition] = done


def _mark(value: bytes) -> bytes:
    """Return what tells a command from every other, however its record was written."""
    with suppress(UnreadableRecord):  # that one was parked as it is
        value = encode_command(decode_command(value))
    return hashlib.blake2b(value, digest_size=16).digest()
