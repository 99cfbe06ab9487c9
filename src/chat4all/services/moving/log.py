"""The log: what is not done yet, and the dead letters, to a new one that counts on.

Of what is done nothing has to go along: its effects are stored. Places in the log keep their
meaning (see `log_generation`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from chat4all.domain.errors import MoveRefused
from chat4all.domain.events import Position
from chat4all.ports.event_log import COMMANDS, DEAD_LETTERS, LogRecord, Record, SupportsRead
from chat4all.services.dead_letters import carried, letter_id
from chat4all.services.log_generation import (
    STREAM,
    ContinuedLog,
    Log,
    following,
    generation_of,
)
from chat4all.services.moving.part import Meter, differs, foreign, grouped

PAGE = 200


class MoveLog:
    """Moves what of a log is of use later.

    `router` is the group that must have done all commands, for each gets a place by the log
    it lies in. `keepers` names, for a stream that others read as well, the group for which its
    records are moved. `target` is the new log as it is, not continued.
    """

    def __init__(
        self,
        source: Log,
        target: Log,
        meter: Meter,
        *,
        router: str,
        keepers: Mapping[str, str],
    ) -> None:
        self._source = source
        self._raw = target
        self._meter = meter
        self._router = router
        self._keepers = keepers

    async def require(self) -> None:
        """Refuse while something is to be done or somebody at it; see `Part`."""
        await require_unread(self._source)
        for stream in await self._source.streams():
            survey = await self._source.survey(stream)
            if stream == COMMANDS and (left := survey.lag(self._router)):
                raise MoveRefused(
                    f"{left} commands were accepted and are not stored yet: run `chat4all check` "
                    "where they are (it stores them first), or start the server and stop it with "
                    "SIGTERM; then move"
                )
        there = await generation_of(self._raw)
        if there is not None and there != await following(self._source):
            raise foreign("a log that continues another one")
        for stream in await self._raw.streams():
            used = any(end >= 0 for end in (await self._raw.survey(stream)).ends.values())
            if used and (there is None or stream == COMMANDS):
                raise foreign(f"records of {stream}")

    async def copy(self) -> None:
        """Bring what is missing; see `Part`."""
        target = await self._begun()
        self._meter.begin("dead letters")
        await self._copy_letters(target)
        for stream in await self._waiting_streams():
            self._meter.begin(f"waiting in {stream}")
            there = {_content(one) async for one in self._all(target, stream)}
            async for group in grouped(self._waiting(stream), PAGE):
                missing = [one for one in group if _content(one) not in there]
                if missing:
                    await target.append(
                        [Record(stream, one.key, one.value, one.trace) for one in missing]
                    )
                self._meter.moved(len(group))

    async def verify(self) -> dict[str, int]:
        """Compare what waits and the letters; see `Part`."""
        self._meter.begin("comparing the log")
        generation = await following(self._source)
        if await generation_of(self._raw) != generation:
            raise differs("the log does not say what was before it")
        target = ContinuedLog(self._raw, generation)
        letters = await self._copy_letters(target, only_compare=True)
        waiting = 0
        for stream in await self._waiting_streams():
            ours = {_content(one) async for one in self._waiting(stream)}
            if ours != {_content(one) async for one in self._all(target, stream)}:
                raise differs(f"what waits in {stream}")
            waiting += len(ours)
        return {"dead letters": letters, "waiting records": waiting}

    async def _begun(self) -> ContinuedLog:
        """Have the new log say what was before it, before anything else is in it."""
        generation = await following(self._source)
        if await generation_of(self._raw) is None:
            await self._raw.append([generation.record()])
        return ContinuedLog(self._raw, generation)

    async def _copy_letters(self, target: ContinuedLog, *, only_compare: bool = False) -> int:
        """Append the letters that are missing, in order, for a note names the id of a letter."""
        there = [one async for one in self._all(target, DEAD_LETTERS)]
        ids: dict[str, str] = {}
        count = 0
        async for record in self._all(self._source, DEAD_LETTERS):
            letter = carried(record, ids)
            if count < len(there):
                if (there[count].key, there[count].value) != (letter.key, letter.value):
                    raise foreign("other dead letters")
                position = there[count].position
            elif only_compare:
                raise differs("dead letters are missing")
            else:
                [position] = await target.append([letter])
            ids[letter_id(record.position)] = letter_id(position)
            count += 1
            self._meter.moved(1)
        if count < len(there):
            raise foreign("more dead letters")
        return count

    async def _waiting_streams(self) -> Sequence[str]:
        known = await self._source.streams()
        return [one for one in known if one not in {COMMANDS, DEAD_LETTERS, STREAM}]

    async def _waiting(self, stream: str) -> AsyncIterator[LogRecord]:
        """Yield what some group of a stream has yet to do, or the one it is moved for."""
        survey = await self._source.survey(stream)
        groups = survey.done
        if stream in self._keepers:
            groups = {name: groups.get(name, {}) for name in [self._keepers[stream]]}
        for number in survey.ends:
            done = min((places.get(number, -1) for places in groups.values()), default=-1)
            async for one in _from(self._source, stream, Position(number, done)):
                yield one

    async def _all(self, log: Log, stream: str) -> AsyncIterator[LogRecord]:
        for number in sorted((await log.survey(stream)).ends):
            async for one in _from(log, stream, Position(number, -1)):
                yield one


async def require_unread(log: Log) -> None:
    """Refuse to go on while somebody reads a log. Raises `MoveRefused`."""
    for stream in await log.streams():
        readers = (await log.survey(stream)).readers
        if readers:
            raise MoveRefused(
                f"{readers} consumers still read the log ({stream}): stop every server and role, "
                "and wait some seconds"
            )


async def _from(log: SupportsRead, stream: str, after: Position) -> AsyncIterator[LogRecord]:
    while found := await log.read(stream, after=after, limit=PAGE):
        for one in found:
            yield one
        after = found[-1].position


def _content(record: LogRecord) -> tuple[str, bytes]:
    return record.key, record.value
