"""Whatever people, platforms and crashes do in whatever order, the promises hold."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.sqlite.event_log import SqliteEventLog
from chat4all.domain.commands import AdvanceCursor, ReportStatus
from chat4all.domain.drafts import Draft
from chat4all.domain.errors import (
    Conflict,
    InvalidInput,
    MessageIdConflict,
    MessageNotFound,
    NotPermitted,
)
from chat4all.domain.events import Position
from chat4all.domain.ids import ConversationId, MessageId, UserId, new_id
from chat4all.domain.messages import Cursor, Message
from chat4all.domain.payload import text
from chat4all.domain.status import Failure, Status, StatusEntry, moves_forward
from chat4all.gateway.ws.endpoint import WebSocketEndpoint
from chat4all.ports.event_log import COMMANDS, EVENTS, Record
from chat4all.services.audit.whole_check import stored_findings
from chat4all.services.send_message import Accepted
from chat4all.testing.faults import (
    Faults,
    FaultyLog,
    FaultyMemoryStore,
    FaultySqliteStore,
    ReadableLog,
    Storing,
)
from chat4all.testing.message_storage import FullStore
from chat4all.testing.paper import PaperConnector
from chat4all.testing.pipeline import (
    Pipeline,
    add_contact,
    add_conversation,
    add_paper_account,
    add_person,
)
from chat4all.testing.screen import Screen, websocket_of

T = TypeVar("T")

ADDRESS = "paper-street-1"
PEOPLE = st.integers(0, 2)
TALKS = st.integers(0, 1)
WORDS = st.sampled_from(["apple", "pear", "plum", "fig"])
INDEX = st.integers(0, 60)
SEQ = st.integers(0, 40)


class KilledError(Exception):
    """The process ends at this very place."""


@dataclass(frozen=True)
class Sent:
    """What a person sent and the API accepted."""

    sender: UserId
    draft: Draft


class PipelineMachine(RuleBasedStateMachine):
    """Three people and a contact in two conversations, and a process that gets killed."""

    sqlite: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
        self.runner = asyncio.Runner()
        self.faults = Faults()
        self.phone = PaperConnector()
        self.accepted: dict[MessageId, Sent] = {}
        self.order: dict[tuple[ConversationId, UserId], list[MessageId]] = defaultdict(list)
        self.settled: list[MessageId] = []
        self.cursors: dict[tuple[ConversationId, UserId], Cursor] = {}
        self.crashes = 0
        self.do(self.open())

    def do(self, work: Awaitable[T]) -> T:
        async def run() -> T:
            return await work

        return self.runner.run(run())

    # -- the process

    async def open(self) -> None:
        self.engines = AsyncExitStack()
        self.log, self.store = await self.engines_of()
        self.directory = MemoryDirectory()
        self.people = [await add_person(self.directory, name) for name in ("ana", "bia", "caio")]
        self.contact = await add_contact(self.directory, "davi", self.people[0], address=ADDRESS)
        await add_paper_account(self.directory, self.people[0])
        with_contact = [*self.people[:2], self.contact]
        self.talks = [
            await add_conversation(self.directory, *with_contact),
            await add_conversation(self.directory, *self.people),
        ]
        self.members = dict(zip(self.talks, (self.people[:2], self.people), strict=True))
        self.screens = [Screen(user) for user in self.people]
        await self.start()

    async def engines_of(self) -> tuple[ReadableLog, FullStore]:
        if not self.sqlite:
            return FaultyLog(MemoryEventLog(), self.faults), FaultyMemoryStore(self.faults)
        folder = Path(self.engines.enter_context(tempfile.TemporaryDirectory()))
        store = FaultySqliteStore(self.faults, folder / "messages.sqlite3")
        await self.engines.enter_async_context(store)
        log = await self.engines.enter_async_context(SqliteEventLog(folder / "log.sqlite3"))
        return FaultyLog(log, self.faults), store

    async def start(self) -> None:
        self.pipeline = Pipeline(
            self.log, self.store, self.directory, connector=self.phone, batch_size=5
        )
        await self.pipeline.__aenter__()
        self.endpoint: WebSocketEndpoint = websocket_of(self.pipeline)
        for screen in self.screens:
            screen.connect(self.endpoint)

    async def kill(self) -> None:
        self.crashes += 1
        for screen in self.screens:
            await screen.disconnect()
        await self.pipeline.__aexit__()
        self.faults.none()

    def teardown(self) -> None:
        try:
            self.do(self.settle())
        finally:
            self.do(self.close())
            self.runner.close()
            structlog.reset_defaults()

    async def close(self) -> None:
        await self.kill()
        await self.engines.aclose()

    # -- what people do

    @initialize(words=WORDS)
    def begin(self, words: str) -> None:
        self.send(0, 0, words, own_id=True, private=False)

    async def _send(self, sender: UserId, draft: Draft) -> MessageId:
        accepted = await self.pipeline.send(sender, draft)
        self.note(sender, draft, accepted)
        return accepted.message_id

    def note(self, sender: UserId, draft: Draft, accepted: Accepted) -> None:
        name = accepted.message_id
        assert draft.message_id in {None, name}
        if name not in self.accepted:
            self.accepted[name] = Sent(sender, draft)
            self.order[draft.conversation_id, sender].append(name)

    def draft(self, talk: int, words: str, *, own_id: bool, to: Sequence[UserId] = ()) -> Draft:
        return Draft(
            conversation_id=self.talks[talk],
            payload=text(words),
            message_id=MessageId(new_id()) if own_id else None,
            to=tuple(to) or None,
        )

    @rule(who=PEOPLE, talk=TALKS, words=WORDS, own_id=st.booleans(), private=st.booleans())
    def send(self, who: int, talk: int, words: str, *, own_id: bool, private: bool) -> None:
        members = self.members[self.talks[talk]]
        sender = members[who % len(members)]
        to = [members[(who + 1) % len(members)]] if private else ()
        self.do(self._send(sender, self.draft(talk, words, own_id=own_id, to=to)))

    @rule(talk=TALKS, words=WORDS)
    def send_at_once(self, talk: int, words: str) -> None:
        async def all_of_them() -> None:
            members = self.members[self.talks[talk]]
            drafts = [self.draft(talk, words, own_id=True) for _ in members]
            sends = zip(members, drafts, strict=True)
            await asyncio.gather(*(self._send(user, draft) for user, draft in sends))

        self.do(all_of_them())

    @rule(talk=TALKS, words=st.lists(WORDS, min_size=1, max_size=8), repeats=st.booleans())
    def send_batch(self, talk: int, words: list[str], *, repeats: bool) -> None:
        sender = self.members[self.talks[talk]][0]
        drafts = [self.draft(talk, one, own_id=True) for one in words]
        outcomes = self.do(self.pipeline.send.many(sender, drafts + drafts * repeats))
        for draft, outcome in zip(drafts + drafts * repeats, outcomes, strict=True):
            assert isinstance(outcome, Accepted)
            self.note(sender, draft, outcome)

    def message(self, index: int) -> tuple[MessageId, Sent]:
        return list(self.accepted.items())[index % len(self.accepted)]

    @rule(index=INDEX)
    def repeat(self, index: int) -> None:
        name, sent = self.message(index)
        if sent.draft.message_id is not None:
            assert self.do(self._send(sent.sender, sent.draft)) == name

    @rule(index=INDEX)
    def use_an_id_again(self, index: int) -> None:
        name, sent = self.message(index)
        other = Draft(
            conversation_id=sent.draft.conversation_id, payload=text("other"), message_id=name
        )
        if sent.draft.message_id is None:
            return  # its sender does not know it before the store does
        try:
            self.do(self.pipeline.send(sent.sender, other))
        except MessageIdConflict:
            return
        raise AssertionError("a used id was accepted for another message")

    @rule(index=INDEX, words=WORDS)
    def edit(self, index: int, words: str) -> None:
        name, sent = self.message(index)
        self.attempt(self.pipeline.messages.edit(sent.sender, name, text(words)))

    @rule(index=INDEX, who=PEOPLE, everyone=st.booleans())
    def delete(self, index: int, who: int, *, everyone: bool) -> None:
        name, _ = self.message(index)
        work = self.pipeline.messages.delete(self.people[who], name, for_everyone=everyone)
        self.attempt(work)

    @rule(index=INDEX, who=PEOPLE, removed=st.booleans())
    def react(self, index: int, who: int, *, removed: bool) -> None:
        name, _ = self.message(index)
        self.attempt(self.pipeline.messages.react(self.people[who], name, "👍", removed=removed))

    def attempt(self, work: Awaitable[Any]) -> None:
        async def run() -> None:
            try:
                await work
            except (MessageNotFound, Conflict, NotPermitted, InvalidInput):
                return  # not stored yet, deleted, hidden, or somebody else's

        self.do(run())

    @rule(talk=TALKS, delivered=SEQ, read=SEQ, who=PEOPLE, checked=st.booleans())
    def mark(self, talk: int, delivered: int, read: int, who: int, *, checked: bool) -> None:
        members = self.members[self.talks[talk]]
        member = members[who % len(members)]
        if checked:
            work = self.pipeline.messages.mark(
                member, self.talks[talk], delivered=delivered, read=read
            )
            self.attempt(work)
            return
        command = AdvanceCursor(
            conversation_id=self.talks[talk],
            user_id=member,
            delivered_seq=delivered,
            read_seq=read,
            at=datetime.now(UTC),
        )
        self.do(self.pipeline.command(command))

    @precondition(lambda self: self.settled)
    @rule(index=INDEX, steps=st.lists(st.sampled_from(Status), min_size=1, max_size=4))
    def report(self, index: int, steps: list[Status]) -> None:
        name = self.settled[index % len(self.settled)]
        for status in steps:
            entry = StatusEntry(
                message_id=name,
                conversation_id=self.accepted[name].draft.conversation_id,
                user_id=self.contact,
                channel="paper",
                status=status,
                at=datetime.now(UTC),
                error=None if status else Failure(code="blocked", text="blocked"),
            )
            command = ReportStatus(conversation_id=entry.conversation_id, entry=entry)
            self.do(self.pipeline.command(command))

    @rule(talk=TALKS)
    def write_rubbish(self, talk: int) -> None:
        record = Record(COMMANDS, self.talks[talk], b'{"type":"submit","v":1,"nonsense":1}')
        self.do(self.log.append([record]))

    # -- what the world does

    @rule(fault=st.sampled_from(Storing))
    def let_the_storage_fail(self, fault: Storing) -> None:
        if not self.faults.applies:  # more of them only make the waits longer
            self.faults.applies.append(fault)

    @rule()
    def crash(self) -> None:
        self.do(self.kill())
        self.do(self.start())

    @rule(talk=TALKS, words=st.lists(WORDS, min_size=1, max_size=12), before=st.booleans())
    def crash_after_storing(self, talk: int, words: list[str], *, before: bool) -> None:
        """Let the router store a batch, and die before it has published or committed it."""

        def publishing(records: Sequence[Record]) -> None:
            if any(record.stream == EVENTS for record in records):
                raise KilledError

        def committing(stream: str, position: Position) -> None:
            if stream == COMMANDS:
                raise KilledError(position)

        async def work() -> None:
            if before:
                self.faults.on_append = publishing
            else:
                self.faults.on_commit = committing
            sender = self.members[self.talks[talk]][0]
            for one in words:
                await self._send(sender, self.draft(talk, one, own_id=True))
            await self.pipeline.settle()
            assert self.pipeline.failed
            await self.kill()
            await self.start()

        self.do(work())

    @rule(who=PEOPLE)
    def lose_the_connection(self, who: int) -> None:
        self.do(self.screens[who].disconnect())

    @rule(who=PEOPLE, frames=st.integers(0, 6))
    def lose_the_connection_soon(self, who: int, frames: int) -> None:
        self.screens[who].fuse = frames

    @rule(who=PEOPLE)
    def connect_again(self, who: int) -> None:
        async def connect() -> None:
            self.screens[who].connect(self.endpoint)

        self.do(connect())

    @rule()
    def let_everything_settle(self) -> None:
        self.do(self.settle())

    # -- what must be true

    async def settle(self) -> None:
        await self.pipeline.settle()
        assert not self.pipeline.failed
        histories = {talk: await self.history(talk) for talk in self.talks}
        self.settled = list(self.accepted)
        assert [finding async for finding in stored_findings(self.store)] == []
        await self.check_cursors(histories)
        await self.check_statuses()
        self.check_phone(histories[self.talks[0]])
        for screen in self.screens:
            await self.check_screen(screen)

    async def history(self, talk: ConversationId) -> list[Message]:
        everybody = UserId("nobody in particular")
        history = list(await self.store.page(talk, viewer=everybody, limit=10_000))
        assert [one.seq for one in history] == list(range(1, len(history) + 1))
        for user in self.people:
            theirs = [one.message_id for one in history if one.sender == user]
            assert theirs == self.order[talk, user], "order of acceptance"
        return history

    async def check_cursors(self, histories: dict[ConversationId, list[Message]]) -> None:
        for talk, history in histories.items():
            for cursor in await self.store.conversation_cursors(talk):
                assert cursor.last_read_seq <= cursor.last_delivered_seq <= len(history)
                before = self.cursors.get((talk, cursor.user_id))
                if before is not None:
                    assert before.last_read_seq <= cursor.last_read_seq
                    assert before.last_delivered_seq <= cursor.last_delivered_seq
                self.cursors[talk, cursor.user_id] = cursor

    async def check_statuses(self) -> None:
        attempts: dict[tuple[str, str, str], Status] = {}
        for entry in await self.store.statuses(list(self.accepted)):
            attempt = (entry.message_id, entry.user_id, entry.channel)
            assert moves_forward(attempts.get(attempt), entry.status)
            attempts[attempt] = entry.status

    def check_phone(self, history: list[Message]) -> None:
        arrived = [one.message_id for one in self.phone.sent]
        once = list(dict.fromkeys(arrived))
        assert len(arrived) - len(once) <= self.crashes, "more repeats than crashes"
        expected = [one.message_id for one in history if one.is_for(self.contact)]
        assert [name for name in expected if name in set(once)] == once, "order on the phone"
        kept = [one for one in history if one.deleted_at is None and one.is_for(self.contact)]
        assert {one.message_id for one in kept} <= set(once), "lost on the way to the phone"

    async def check_screen(self, screen: Screen) -> None:
        wanted: dict[ConversationId, list[tuple[int, str]]] = {}
        pages: dict[str, Any] = {}
        for talk, members in self.members.items():
            if screen.user not in members:
                continue
            history = [one for one in await self.history(talk) if one.is_for(screen.user)]
            wanted[talk] = [(one.seq, one.message_id) for one in history]
            pages |= await self.shown_by_page(screen.user, talk)
        payloads = {name: pages.get(name) for shown in wanted.values() for _, name in shown}
        try:
            async with asyncio.timeout(10):
                while (screen.shown, screen.payloads) != (
                    {talk: shown for talk, shown in wanted.items() if shown},
                    payloads,
                ):
                    screen.connect(self.endpoint)
                    await asyncio.sleep(0.001)
        except TimeoutError:
            assert dict(screen.shown) == {talk: shown for talk, shown in wanted.items() if shown}
            assert screen.payloads == payloads
        for told in screen.statuses.values():
            for before, after in zip([None, *told], told, strict=False):
                known = None if before is None else Status.of(before)
                assert moves_forward(known, Status.of(after)), told

    async def shown_by_page(self, user: UserId, talk: ConversationId) -> dict[str, Any]:
        views = await self.pipeline.messages.page(
            user, talk, after_seq=0, before_seq=None, limit=10_000
        )
        return {
            view.message.message_id: view.message.payload and view.message.payload.as_dict()
            for view in views
        }


class SqlitePipelineMachine(PipelineMachine):
    """The same over the files that the product uses."""

    sqlite = True


TestMemoryPipeline = PipelineMachine.TestCase
TestMemoryPipeline.settings = settings(
    max_examples=50,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestSqlitePipeline = SqlitePipelineMachine.TestCase
TestSqlitePipeline.settings = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
