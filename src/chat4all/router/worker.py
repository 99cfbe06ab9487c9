"""The loop around the processor: read, decide, tell, store, publish, commit."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import structlog

from chat4all.domain.commands import Command, PlanAgain
from chat4all.domain.errors import StaleSequence, Unavailable, UnreadableRecord
from chat4all.domain.events import Event, Position
from chat4all.ports.event_log import (
    COMMANDS,
    EVENTS,
    Consumer,
    EventLog,
    LogRecord,
    Record,
    outbound,
)
from chat4all.ports.message_store import MessageData
from chat4all.ports.tracing import Span, Traces, Tracing, Untraced
from chat4all.router.followed import followed
from chat4all.router.persist import persist
from chat4all.router.planner import Plan, Planner
from chat4all.router.processor import Decision, Placed, Processor
from chat4all.router.state import Known, messages_of
from chat4all.services.dead_letters import code_of, dead_letter
from chat4all.services.followed import NO_SPANS, Followed, Spans, follow_batch
from chat4all.services.records import (
    decode_command,
    decode_event,
    encode_command,
    encode_event,
    encode_task,
)

log = structlog.get_logger(__name__)

GROUP = "router"


class Observer(Protocol):
    """Who is told of the router's work. The calls return at once and never raise."""

    def happened(self, events: Sequence[Event], traces: Traces) -> None:
        """Hear of events that the log holds; the store will have them in a moment."""
        ...

    def stored(self, events: Sequence[Event]) -> None:
        """Hear that the store holds them."""
        ...

    def done(self, positions: Collection[Position]) -> None:
        """Hear up to where, of each partition, everything is stored, or set aside for good."""
        ...


@dataclass(slots=True)
class _Batch:
    """One batch on its way.

    `again` are events that were stored before a stop, and `refused` what was refused then:
    both may not have been published. `unplanned` are events whose planning failed before.
    `followed` are the commands that are in a trace, `spans` what is done with each.
    """

    commands: list[Placed]
    parked: list[Record]
    again: list[tuple[Placed, Event]]
    refused: list[tuple[Placed, Exception]]
    last: dict[int, Position]
    unplanned: list[tuple[Placed, Event]] = field(default_factory=list)
    followed: list[Followed] = field(default_factory=list)
    spans: Spans = NO_SPANS

    def trace_of(self, placed: Placed) -> str:
        """Return from where in a trace what follows from a command goes on."""
        return self.spans[placed.position].context


class Router:
    """Consumes the commands log and makes each command's effect, once and in order.

    Nothing is committed before its effects are stored and what follows from them is
    published; a store that does not answer pauses consumption.
    """

    def __init__(
        self,
        event_log: EventLog,
        store: MessageData,
        planner: Planner,
        observer: Observer,
        *,
        batch_size: int = 500,
        tracing: Tracing | None = None,
    ) -> None:
        self._tracing = tracing or Untraced()
        self._log = event_log
        self._store = store
        self._planner = planner
        self._observer = observer
        self._batch_size = batch_size
        self._known = Known(store)
        self._replay_until: dict[int, int] = {}
        self._handovers = 0
        self._unsure = False
        self.caught_up = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        await self._look_ahead()
        async with self._log.consume(COMMANDS, GROUP) as consumer:
            self._handovers = 0
            while True:
                if self._is_past_replay():
                    self.caught_up.set()
                records = await consumer.next(limit=self._batch_size)
                if consumer.handovers != self._handovers:
                    self._handovers = consumer.handovers
                    await persist(self._look_ahead)
                await self._handle(records, consumer)
                self._note_replayed(records)

    async def _look_ahead(self) -> None:
        """Note up to where what comes may have been done, by another router or before a stop."""
        self._known.forget_all()
        ends = await self._log.ends(COMMANDS)
        self._replay_until = {end.partition: end.offset for end in ends}

    def _is_past_replay(self) -> bool:
        """Say whether all that was there at the start is done."""
        if self._replay_until and not self._log.backlog(COMMANDS, GROUP):
            self._replay_until.clear()
        return not self._replay_until

    def _note_replayed(self, records: Sequence[LogRecord]) -> None:
        for record in records:
            until = self._replay_until.get(record.position.partition)
            if until is not None and record.position.offset >= until:
                del self._replay_until[record.position.partition]

    async def _handle(self, records: Sequence[LogRecord], consumer: Consumer) -> None:
        batch = self._read(records)
        with follow_batch(self._tracing, COMMANDS, batch.followed) as batch.spans:
            await self._carry_out(batch)
            self._observer.done(batch.last.values())
            for position in batch.last.values():
                await persist(partial(consumer.commit, position))

    async def _carry_out(self, batch: _Batch) -> None:
        try:
            decision = await persist(lambda: self._decide(batch))
        except Exception as error:
            self._known.forget([placed.command for placed in batch.commands])
            if len(batch.commands) > 1:
                await self._one_by_one(batch)
            else:
                log.exception("command that cannot be stored is parked")
                batch.refused += [(placed, error) for placed in batch.commands]
            batch.commands = []
            decision = Decision()
        await persist(lambda: self._publish(batch, decision))

    async def _one_by_one(self, batch: _Batch) -> None:
        """Find the command that the storage cannot take; its neighbours go on."""
        log.warning("a batch cannot be stored; its commands are tried one by one")
        for placed in batch.commands:
            await self._carry_out(_Batch([placed], [], [], [], {}, spans=batch.spans))

    def _read(self, records: Sequence[LogRecord]) -> _Batch:
        batch = _Batch([], [], [], [], {})
        for record in records:
            batch.last[record.position.partition] = record.position
            try:
                placed = self._sort(Placed(record.position, decode_command(record.value)), batch)
            except UnreadableRecord as error:
                log.warning("command parked", position=record.position, reason=str(error))
                batch.parked.append(dead_letter(record.stream, record.key, record.value, error))
            else:
                if record.trace:
                    batch.followed.append(followed(placed, record.trace))
        return batch

    def _sort(self, placed: Placed, batch: _Batch) -> Placed:
        """Tell what is to be decided from what was, and has only to be planned again."""
        command = placed.command
        if isinstance(command, PlanAgain):
            event = decode_event(command.event.encode())
            original = decode_command(command.command.encode())
            placed = Placed(event.position, original)
            batch.unplanned.append((placed, event))
        else:
            batch.commands.append(placed)
        return placed

    async def _set_aside_stored(self, batch: _Batch) -> None:
        """Find the commands that were decided before a stop, to publish them again.

        Commands are decided in order and a batch is stored as one. So one that left no
        effect, and has a later one that did, was decided to have none; deciding it anew, on
        what came after it, could give it one.
        """
        if not batch.commands:
            return
        first: dict[int, int] = {}
        for placed in batch.commands:
            at = placed.position
            first[at.partition] = min(first.get(at.partition, at.offset), at.offset)
        places = {placed.position for placed in batch.commands}
        changes = await self._store.changes(
            {placed.command.conversation_id for placed in batch.commands},
            after={partition: offset - 1 for partition, offset in first.items()},
            limit=len(batch.commands) + 1,
        )
        stored = {event.position: event for event in changes if event.position in places}
        reached = {at.partition: at.offset for at in sorted(event.position for event in changes)}
        undecided, idle = [], []
        for placed in batch.commands:
            at = placed.position
            if at in stored:
                batch.again.append((placed, stored[at]))
            elif at.offset < reached.get(at.partition, -1):
                idle.append(placed)
            else:
                undecided.append(placed)
        if idle:
            snapshot = await self._known.snapshot([placed.command for placed in idle])
            batch.refused += Processor(snapshot).decide(idle).refused
        batch.commands = undecided

    async def _decide(self, batch: _Batch) -> Decision:
        if self._unsure or any(
            one.position.partition in self._replay_until for one in batch.commands
        ):
            await self._set_aside_stored(batch)
        commands: list[Command] = [placed.command for placed in batch.commands]
        snapshot = await self._known.snapshot(commands)
        decision = Processor(snapshot).decide(batch.commands)
        events = [event for _, event in [*batch.again, *decision.events]]
        storing = asyncio.ensure_future(self._store.apply(decision.effects))
        self._observer.happened(events, batch.spans.traces)
        try:
            await storing
        except (StaleSequence, Unavailable):
            # It may have been stored all the same, by another router or before the answer
            # was lost: the next try looks before it decides.
            self._known.forget(commands)
            self._unsure = True
            raise
        self._unsure = False
        self._known.remember(snapshot)
        self._observer.stored(events)
        return decision

    async def _publish(self, batch: _Batch, decision: Decision) -> None:
        happened = [*batch.again, *decision.events]
        records = [
            Record(EVENTS, event.conversation_id, encode_event(event), batch.trace_of(placed))
            for placed, event in happened
        ]
        records += await self._plan([*happened, *batch.unplanned], batch)
        records += batch.parked
        for placed, error in [*batch.refused, *decision.refused]:
            records.append(_refusal(placed, error, batch.spans[placed.position]))
        if records:
            await self._log.append(records)

    async def _plan(self, happened: Sequence[tuple[Placed, Event]], batch: _Batch) -> list[Record]:
        """Plan deliveries; an event that cannot be planned is parked, its neighbours go on."""
        planned, failed = [], []
        for placed, event in happened:
            own = Plan()  # of an event that cannot be planned nothing is carried out
            try:
                await self._planner.plan(event, placed.command, own)
            except Unavailable:
                raise
            except Exception as error:  # the boundary between one command and the rest
                log.exception("event could not be planned", position=event.position)
                again = PlanAgain(
                    conversation_id=event.conversation_id,
                    event=encode_event(event).decode(),
                    command=encode_command(placed.command).decode(),
                )
                value = encode_command(again)
                failed.append(dead_letter(COMMANDS, event.conversation_id, value, error))
            else:
                planned += _records(own, batch.trace_of(placed))
        return [*planned, *failed]


def _records(plan: Plan, trace: str) -> list[Record]:
    """Return the records of what is planned: tasks of connectors, and failures known before."""
    tasks = [
        Record(outbound(task.channel), task.address, encode_task(task), trace)
        for task in plan.tasks
    ]
    reports = [
        Record(COMMANDS, report.conversation_id, encode_command(report), trace)
        for report in plan.reports
    ]
    return [*tasks, *reports]


def _refusal(placed: Placed, error: Exception, span: Span) -> Record:
    """Return the record that parks a command which cannot be done."""
    command = placed.command
    kind = type(command).__name__
    about = dict(zip(("message_id",), messages_of(command), strict=False))
    span.failed(code_of(error))
    with span:
        log.warning("command refused", command=kind, reason=str(error), **about)
    letter = dead_letter(COMMANDS, command.conversation_id, encode_command(command), error)
    return replace(letter, trace=span.context)
