"""Fills in what the store lacks of what the log accepted, each thing at the place it had.

The router cannot do this by reading its commands again: it gives the next number, and takes a
command without effect that has followers with one for decided. So the number of a message
that is gone is found from its neighbours, and the command is then decided as it was.
Nothing is published or sent again: that was done when the command was committed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from chat4all.domain.commands import (
    AdvanceCursor,
    Command,
    DeleteMessage,
    EditMessage,
    React,
    SubmitMessage,
)
from chat4all.domain.errors import StaleSequence, UnreadableRecord
from chat4all.domain.events import Position
from chat4all.domain.ids import MessageId
from chat4all.ports.event_log import COMMANDS, LogRecord
from chat4all.ports.integrity import LogRange, Repaired, RepairNote
from chat4all.ports.message_store import Effects, MessageData
from chat4all.router.lost_numbers import LostNumbers
from chat4all.router.processor import Placed, Processor
from chat4all.router.state import Known, Snapshot, messages_of
from chat4all.router.worker import GROUP
from chat4all.services.audit.log_against_store import LogAgainstStore
from chat4all.services.audit.refusals import ReadableLog, Refusals
from chat4all.services.records import decode_command

AT_ONCE = 20_000
"""About how many commands one call looks at."""
_BLOCK = 500


@dataclass(slots=True)
class _Run:
    """One repair: up to where the routers are, what it found, and what it knows by then.

    `later` has, by partition, the commands that change a message, by message.
    """

    asked: LogRange
    done: dict[int, int]
    numbers: LostNumbers
    read: int = 0
    outcome: Repaired = field(default_factory=Repaired)
    later: dict[int, dict[MessageId, list[Placed]]] = field(default_factory=dict)


class Repair:
    """Compares commands that routers have done with the store, and fills in what is not there.

    Safe beside routers and beside another repair: what is there is left as it is, and the
    store's unique indexes decide who has a number.
    """

    def __init__(self, log: ReadableLog, store: MessageData, *, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._log = log
        self._store = store
        self._refusals = Refusals(log)
        self._judge = LogAgainstStore(store, self._refusals)

    async def __call__(self, asked: LogRange) -> Repaired:
        """Go through `asked`, or as much of it as one call may; a repeat finds everything done.

        Raises `Unavailable`.
        """
        done = {at.partition: at.offset for at in self._log.done(COMMANDS, GROUP)}
        run = _Run(asked, done, LostNumbers(self._log, self._store, self._refusals))
        after = asked.after or Position(-1, -1)
        for partition, end in sorted(done.items()):
            if asked.partition in (None, partition) and partition >= after.partition:
                first = asked.first
                if partition == after.partition:
                    first = max(first, after.offset + 1)
                await self._partition(Position(partition, first - 1), end, run)
                if run.outcome.stopped_at is not None:
                    break
        return run.outcome

    async def _partition(self, at: Position, end: int, run: _Run) -> None:
        asked = run.asked
        last = end if asked.last is None else min(end, asked.last)
        while at.offset < last:
            if run.read >= self._at_once:
                run.outcome.stopped_at = at
                return
            records = await self._log.read(COMMANDS, after=at, limit=min(_BLOCK, self._at_once))
            if not records:
                return
            at = records[-1].position
            run.read += len(records)
            wanted = _up_to(records, last)
            if asked.since is not None:
                wanted = [one for one in wanted if one.appended_at >= asked.since]
            await self._block(wanted, run)

    async def _block(self, records: Sequence[LogRecord], run: _Run) -> None:
        run.outcome.looked += len(records)
        if not await self._judge.judge(records):
            return
        for record in records:
            for finding in await self._judge.judge([record]):
                await self._record(record, finding.detail, run)

    async def _record(self, record: LogRecord, told: str, run: _Run) -> None:
        """Make good of what a record says, and look whether it helped."""
        note = RepairNote(record.position, None, told)
        try:
            placed = Placed(record.position, decode_command(record.value))
        except UnreadableRecord:
            run.outcome.unclear.append(note)
            return
        note = replace(note, conversation_id=placed.command.conversation_id)
        before = await self._state_before(placed, run)
        if before is None and not await self._judge.judge([record]):
            return  # another repair was here meanwhile
        if before is None:
            run.outcome.unclear.append(replace(note, detail=f"{told}; its number is not known"))
        elif run.asked.dry_run:
            run.outcome.filled.append(note)
        else:
            why_not = await self._carry_out(placed, before, run)
            if why_not is None and await self._judge.judge([record]):
                why_not = "the store takes it for done"
            if why_not is None:
                run.outcome.filled.append(note)
            else:
                run.outcome.unclear.append(replace(note, detail=f"{told}; {why_not}"))

    async def _state_before(self, placed: Placed, run: _Run) -> Snapshot | None:
        """Return what a command is to be decided on; None for a message without its number."""
        command, at = placed.command, placed.position
        if not isinstance(command, SubmitMessage):
            return await Known(self._store).snapshot([command])
        number = await run.numbers.of(command, at, done=run.done[at.partition])
        if number is None:
            return None
        heads = {command.conversation_id: number - 1}
        return Snapshot(heads=heads, cursors={}, kept={}, attempts={})

    async def _carry_out(self, placed: Placed, before: Snapshot, run: _Run) -> str | None:
        """Decide a command as it was decided, and store what that gives; return why it cannot."""
        command, batch = placed.command, [placed]
        if isinstance(command, AdvanceCursor):
            batch = [replace(placed, command=_as_it_was(command, before))]
        elif isinstance(command, SubmitMessage | EditMessage):
            batch += await self._changes_of(command.message_id, placed.position, run)
        decision = Processor(before).decide(batch)
        refused = [str(error) for one, error in decision.refused if one is placed]
        if refused:
            return refused[0]
        try:
            await self._store.apply(_as_they_are_now(decision.effects))
        except StaleSequence as error:
            return str(error)
        return None

    async def _changes_of(self, message: MessageId, at: Position, run: _Run) -> Sequence[Placed]:
        """Return the commands after a place that change a message, as far as routers are.

        The first call for a partition reads it from there on: later calls are for later places.
        """
        if at.partition not in run.later:
            found: defaultdict[MessageId, list[Placed]] = defaultdict(list)
            here, end = at, run.done[at.partition]
            while here.offset < end:
                records = await self._log.read(COMMANDS, after=here, limit=_BLOCK)
                if not records:
                    break
                here = records[-1].position
                for placed in _changes_in(_up_to(records, end)):
                    for name in messages_of(placed.command):
                        found[name].append(placed)
            run.later[at.partition] = found
        known = run.later[at.partition].get(message, ())
        return [one for one in known if one.position > at]


def _up_to(records: Sequence[LogRecord], last: int) -> Sequence[LogRecord]:
    return [one for one in records if one.position.offset <= last]


def _changes_in(records: Sequence[LogRecord]) -> Iterator[Placed]:
    for record in records:
        try:
            command = decode_command(record.value)
        except UnreadableRecord:
            continue
        if isinstance(command, EditMessage | DeleteMessage | React):
            yield Placed(record.position, command)


def _as_they_are_now(effects: Effects) -> Effects:
    """Add messages with all that befell them: a store may know of that, and not do it again."""
    changed = {one.message_id: one for one in effects.changed}
    added = [
        replace(one, message=changed.pop(one.message.message_id, one.message))
        for one in effects.added
    ]
    return replace(effects, added=added, changed=list(changed.values()))


def _as_it_was(command: AdvanceCursor, state: Snapshot) -> Command:
    """Leave out a move beyond the end: it was cut down to an end that nobody knows any more."""
    head = state.heads[command.conversation_id]
    return replace(
        command,
        delivered_seq=command.delivered_seq if command.delivered_seq <= head else 0,
        read_seq=command.read_seq if command.read_seq <= head else 0,
    )
