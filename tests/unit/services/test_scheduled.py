"""Scheduled messages: what their senders may do, and that each goes out once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chat4all.domain.api_keys import Delegation
from chat4all.domain.drafts import Draft
from chat4all.domain.errors import (
    Conflict,
    ConversationNotFound,
    InvalidInput,
    MessageIdConflict,
    MessageNotFound,
    TooLate,
    Unavailable,
)
from chat4all.domain.ids import ConversationId, FileId, MessageId, UserId, new_id
from chat4all.domain.payload import Payload, PayloadType, text
from chat4all.domain.scheduled import (
    FARTHEST,
    GRACE,
    ScheduledMessage,
    ScheduleState,
    SendAt,
)
from chat4all.ports.event_log import COMMANDS, Record
from chat4all.services.scheduled_messages import ScheduledMessages
from chat4all.services.scheduled_sender import ScheduledSender, SchedulingLimits
from chat4all.services.send_message import Accepted, SendMessage
from chat4all.testing.pipeline import Pipeline, add_conversation
from tests.unit.services.conftest import Town

START = datetime(2031, 5, 4, 3, 2, 1, tzinfo=UTC)
QUICK = SchedulingLimits(look=0.005, tidy=0.005)


class Crash(BaseException):
    """The process ends here."""


class Office:
    """The services over a running pipeline, with a clock that tests move."""

    def __init__(self, town: Town, process: Pipeline) -> None:
        self.town, self.process = town, process
        self.now = START
        self.held: list[tuple[FileId, MessageId]] = []
        self.let_go: list[MessageId] = []
        self.outcomes: list[str] = []
        self.passes = timedelta()
        """How much time passes after each try in vain."""
        self.book = self.book_with(process.send)

    def book_with(self, sending: SendMessage, **options: Any) -> ScheduledMessages:
        directory = self.town.directory.scheduled
        return ScheduledMessages(directory, sending, self._hold, now=lambda: self.now, **options)

    async def _hold(self, file: FileId, message: MessageId) -> None:
        self.held.append((file, message))

    async def _let_go(self, message: MessageId) -> None:
        self.let_go.append(message)

    def sender(self, send: Any = None, limits: SchedulingLimits = QUICK) -> ScheduledSender:
        return ScheduledSender(
            self.town.directory,
            self.town.store,
            send or self.process.send,
            let_go=self._let_go,
            limits=limits,
            now=lambda: self.now,
            told=self._told,
        )

    def _told(self, outcome: str) -> None:
        self.outcomes.append(outcome)
        if outcome == "again":
            self.now += self.passes

    async def later(
        self,
        words: str = "hello",
        *,
        minute: float = 10,
        sender: UserId | None = None,
        **fields: Any,
    ) -> ScheduledMessage:
        actor = fields.pop("actor", None)
        draft = self.town.draft(words, **fields)
        when = SendAt(at=START + timedelta(minutes=minute))
        return await self.book.create(sender or self.town.ana, draft, when, actor=actor)

    async def state(self, message: ScheduledMessage) -> ScheduledMessage:
        found = await self.town.directory.scheduled.get(message.message_id)
        assert found is not None
        return found

    async def until(
        self, *messages: ScheduledMessage, state: ScheduleState, **options: Any
    ) -> None:
        """Have what is due sent until all of `messages` have a state."""
        task = asyncio.create_task(self.sender(**options).run())
        try:
            async with asyncio.timeout(10):
                while {(await self.state(one)).state for one in messages} != {state}:  # noqa: ASYNC110 - the directory tells nobody
                    await asyncio.sleep(0.002)
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def run_for(self, seconds: float = 0.1, **options: Any) -> None:
        """Let something be sent, or nothing."""
        task = asyncio.create_task(self.sender(**options).run())
        await asyncio.wait([task], timeout=seconds)
        task.cancel()
        await asyncio.wait([task])

    async def said(self, conversation: ConversationId | None = None) -> list[str | None]:
        await self.process.settle()
        found = await self.town.store.page(
            conversation or self.town.group, viewer=self.town.bia, limit=200
        )
        return [None if one.payload is None else one.payload.text for one in found]


@pytest.fixture
async def office(town: Town, process: Pipeline) -> Office:
    return Office(town, process)


async def test_a_message_goes_out_at_its_time_and_not_before(office: Office) -> None:
    made = await office.later(minute=10)
    office.now = START + timedelta(minutes=9.9)
    await office.run_for()
    assert await office.said() == []
    assert (await office.state(made)).state is ScheduleState.SCHEDULED
    office.now = START + timedelta(minutes=10)
    await office.until(made, state=ScheduleState.SENT)
    assert await office.said() == ["hello"]
    assert office.outcomes == ["sent"]
    sent = await office.state(made)
    kept = (await office.town.store.find([made.message_id]))[made.message_id]
    assert sent.sent_at == kept.message.created_at
    assert kept.message.sender == office.town.ana


async def test_what_fell_due_meanwhile_goes_out_in_the_order_of_time(office: Office) -> None:
    other = await add_conversation(office.town.directory, office.town.ana, office.town.bia)
    minutes = [7, 3, 5, 1, 9, 3]
    made = [
        await office.later(
            f"{minute} {index}",
            minute=minute,
            sender=[office.town.ana, office.town.bia][index % 2],
            conversation_id=talk,
        )
        for talk in (office.town.group, other)
        for index, minute in enumerate(minutes)
    ]
    office.now = START + timedelta(days=3)
    await office.until(*made, state=ScheduleState.SENT)
    expected = ["1 3", "3 1", "3 5", "5 2", "7 0", "9 4"]
    assert await office.said() == expected
    assert await office.said(other) == expected


async def test_a_repeated_creation_is_one_message(office: Office) -> None:
    draft, when = office.town.draft(), SendAt(at=START + timedelta(minutes=1), zone="UTC")
    made = await office.book.create(office.town.ana, draft, when)
    changed = await office.book.change(office.town.ana, made.message_id, payload=text("other"))
    assert await office.book.create(office.town.ana, draft, when) == changed
    office.now = START + timedelta(minutes=5)
    await office.until(made, state=ScheduleState.SENT)
    again = await office.book.create(office.town.ana, draft, when)
    assert again.state is ScheduleState.SENT
    assert await office.said() == ["other"]


@pytest.mark.parametrize("what", ["words", "time", "zone", "sender"])
async def test_an_id_is_for_one_message_alone(office: Office, what: str) -> None:
    draft, when = office.town.draft(), SendAt(at=START + timedelta(minutes=1))
    await office.book.create(office.town.ana, draft, when)
    other = replace(draft, payload=text("other")) if what == "words" else draft
    at = SendAt(
        at=START + timedelta(minutes=2 if what == "time" else 1),
        zone="Europe/Lisbon" if what == "zone" else None,
    )
    sender = office.town.bia if what == "sender" else office.town.ana
    with pytest.raises(MessageIdConflict):
        await office.book.create(sender, other, at)


async def test_the_id_of_a_message_that_was_sent_is_no_new_one(office: Office) -> None:
    draft = office.town.draft()
    await office.process.send(office.town.ana, draft)
    await office.process.settle()
    with pytest.raises(MessageIdConflict):
        await office.book.create(office.town.ana, draft, SendAt(at=START + timedelta(hours=1)))


async def test_only_the_sender_sees_and_changes_it(office: Office) -> None:
    made = await office.later()
    book, bia, name = office.book, office.town.bia, made.message_id
    for refused in (book.get(bia, name), book.change(bia, name), book.cancel(bia, name)):
        with pytest.raises(MessageNotFound):
            await refused
    assert await book.list(bia, limit=9) == []
    assert await book.list(office.town.ana, limit=9) == [made]
    assert await book.get(office.town.ana, name) == made


async def test_what_could_not_be_sent_now_is_not_scheduled(office: Office) -> None:
    eve, ana = office.town.eve, office.town.ana
    with pytest.raises(ConversationNotFound):
        await office.later(sender=eve)
    with pytest.raises(InvalidInput):
        await office.later(to=[eve])
    with pytest.raises(InvalidInput):
        await office.later(reply_to=MessageId(new_id()))
    picture = Payload(type=PayloadType.IMAGE, file_id=new_id())
    with pytest.raises(InvalidInput):
        await office.later(payload=picture)
    assert await office.book.list(ana, limit=9) == []
    made = await office.later()
    with pytest.raises(InvalidInput):
        await office.book.change(ana, made.message_id, payload=picture)


@pytest.mark.parametrize(
    ("ahead", "taken"),
    [
        (-GRACE, True),
        (-GRACE - timedelta(seconds=1), False),
        (FARTHEST, True),
        (FARTHEST + timedelta(seconds=1), False),
    ],
)
async def test_a_time_is_neither_past_nor_too_far_ahead(
    office: Office, ahead: timedelta, *, taken: bool
) -> None:
    when = SendAt(at=START + ahead)
    other = await office.later()
    if taken:
        await office.book.create(office.town.ana, office.town.draft(), when)
        await office.book.change(office.town.ana, other.message_id, when=lambda _: when)
        return
    with pytest.raises(InvalidInput):
        await office.book.create(office.town.ana, office.town.draft(), when)
    with pytest.raises(InvalidInput):
        await office.book.change(office.town.ana, other.message_id, when=lambda _: when)


async def test_of_one_user_only_so_many_wait(office: Office) -> None:
    office.book = office.book_with(office.process.send, most=2)
    made = await office.later()
    await office.later()
    with pytest.raises(Conflict):
        await office.later()
    await office.later(sender=office.town.bia)
    await office.book.cancel(office.town.ana, made.message_id)
    await office.later()


async def test_a_change_of_words_and_time_is_what_goes_out(office: Office) -> None:
    made = await office.later(minute=10)
    when = SendAt(at=START + timedelta(minutes=20), zone="Europe/Lisbon")
    name, ana = made.message_id, office.town.ana
    await office.book.change(ana, name, payload=text("better"), when=lambda _: when)
    zones: list[str | None] = []
    await office.book.change(ana, name, when=lambda zone: zones.append(zone) or when)  # type: ignore[func-returns-value]  # remembers what it was told
    assert zones == ["Europe/Lisbon"] * len(zones)
    office.now = START + timedelta(minutes=19)
    await office.run_for()
    assert await office.said() == []
    office.now = START + timedelta(minutes=20)
    await office.until(made, state=ScheduleState.SENT)
    assert await office.said() == ["better"]


async def test_a_cancelled_message_never_goes_out(office: Office) -> None:
    made = await office.later()
    for _ in range(2):
        await office.book.cancel(office.town.ana, made.message_id)
    office.now = START + timedelta(hours=1)
    await office.run_for()
    assert await office.said() == []
    with pytest.raises(TooLate):
        await office.book.change(office.town.ana, made.message_id, payload=text("other"))


async def test_who_cancels_too_late_is_told_so(office: Office) -> None:
    made = await office.later()
    office.now = START + timedelta(hours=1)
    gate, under_way = asyncio.Event(), asyncio.Event()

    async def slow(sender: UserId, draft: Draft) -> Accepted:
        under_way.set()
        await gate.wait()
        return await office.process.send(sender, draft)

    task = asyncio.create_task(office.sender(slow).run())
    await under_way.wait()
    with pytest.raises(TooLate, match="sending"):
        await office.book.cancel(office.town.ana, made.message_id)
    gate.set()
    await office.until(made, state=ScheduleState.SENT)
    task.cancel()
    await asyncio.wait([task])
    with pytest.raises(TooLate, match="sent"):
        await office.book.cancel(office.town.ana, made.message_id)
    assert await office.said() == ["hello"]


async def test_who_left_the_conversation_sends_nothing_into_it_and_sees_why(office: Office) -> None:
    made, others = await office.later(), await office.later("bia's", sender=office.town.bia)
    await office.process.directory.members.remove(office.town.group, office.town.ana)
    office.now = START + timedelta(hours=1)
    await office.until(others, state=ScheduleState.SENT)
    failed = await office.state(made)
    assert failed.state is ScheduleState.FAILED
    assert failed.error is not None
    assert failed.error.code == "conversation_not_found"
    assert await office.said() == ["bia's"]


async def test_an_account_that_is_gone_sends_nothing(office: Office) -> None:
    made = await office.later(sender=office.town.davi)
    await office.town.directory.users.remove(office.town.davi)
    office.now = START + timedelta(hours=1)
    await office.until(made, state=ScheduleState.FAILED)
    error = (await office.state(made)).error
    assert error is not None
    assert error.code == "user_not_found"
    assert await office.said() == []


async def test_who_may_act_for_somebody_no_more_sends_nothing_for_them(office: Office) -> None:
    ana, robot = office.town.ana, office.town.eve
    delegations = office.town.directory.delegations
    await delegations.allow(Delegation(user_id=ana, account_id=robot, created_at=START))
    kept = await office.later("kept", actor=robot)
    office.now = START + timedelta(minutes=11)
    await office.until(kept, state=ScheduleState.SENT)
    withdrawn = await office.later("withdrawn", minute=12, actor=robot)
    own = await office.later("own", minute=12)
    await delegations.withdraw(ana, robot)
    office.now = START + timedelta(minutes=12)
    await office.until(own, state=ScheduleState.SENT)
    error = (await office.state(withdrawn)).error
    assert error is not None
    assert error.code == "not_permitted"
    assert await office.said() == ["kept", "own"]


async def test_while_the_log_fails_nothing_is_lost_and_the_order_is_kept(office: Office) -> None:
    made = [await office.later(str(minute), minute=minute) for minute in range(5)]
    office.now = START + timedelta(hours=1)
    office.passes = timedelta(minutes=2)  # and each rest is over
    failures = 0

    def fails(records: Sequence[Record]) -> None:
        nonlocal failures
        if failures < 3 and records[0].stream == COMMANDS:
            failures += 1
            raise Unavailable("the log is away")

    office.town.faults.on_append = fails
    await office.until(*made, state=ScheduleState.SENT)
    assert await office.said() == ["0", "1", "2", "3", "4"]
    assert office.outcomes == ["again"] * 3 + ["sent"] * 5


async def test_one_conversation_that_waits_holds_up_no_other(office: Office) -> None:
    other = await add_conversation(office.town.directory, office.town.ana, office.town.bia)
    stuck = await office.later("stuck")
    behind = await office.later("behind", minute=11)
    free = await office.later("free", minute=12, conversation_id=other)
    office.now = START + timedelta(hours=1)

    def fails(records: Sequence[Record]) -> None:
        if records[0].key == office.town.group:
            raise Unavailable("busy")

    office.town.faults.on_append = fails
    await office.until(free, state=ScheduleState.SENT)
    assert (await office.state(stuck)).state is ScheduleState.SENDING
    assert (await office.state(behind)).state is ScheduleState.SCHEDULED


async def test_a_crash_after_the_log_had_it_makes_no_second_message(office: Office) -> None:
    made = await office.later()
    office.now = START + timedelta(hours=1)
    change = office.town.directory.scheduled.change

    async def crashes(message: ScheduledMessage) -> bool:
        if message.state is ScheduleState.SENT:
            raise Crash
        return await change(message)

    office.town.directory.scheduled.change = crashes  # type: ignore[method-assign]  # ends the process there
    await office.run_for(0.05)
    office.town.directory.scheduled.change = change  # type: ignore[method-assign]  # it starts again
    assert (await office.state(made)).state is ScheduleState.SENDING
    assert await office.said() == ["hello"]
    await office.until(made, state=ScheduleState.SENT)
    assert await office.said() == ["hello"]


async def test_what_was_sent_before_a_crash_is_sent_though_it_would_be_refused_now(
    office: Office,
) -> None:
    made = await office.later()
    office.now = START + timedelta(hours=1)
    assert await office.town.directory.scheduled.change(made.began(office.now))
    await office.process.send(office.town.ana, made.draft)
    await office.process.settle()
    await office.process.directory.members.remove(office.town.group, office.town.ana)
    await office.until(made, state=ScheduleState.SENT)


async def test_what_is_perhaps_not_stored_yet_does_not_fail_at_once(office: Office) -> None:
    made = await office.later()
    office.now = START + timedelta(hours=1)
    assert await office.town.directory.scheduled.change(made.began(office.now))
    await office.process.directory.members.remove(office.town.group, office.town.ana)
    office.now += timedelta(seconds=QUICK.settle - 1)
    await office.run_for()
    assert (await office.state(made)).state is ScheduleState.SENDING
    office.now += timedelta(seconds=1)
    await office.until(made, state=ScheduleState.FAILED)


async def test_what_could_not_be_sent_for_a_day_fails_with_the_reason(office: Office) -> None:
    made = await office.later()
    office.now = START + timedelta(days=9)

    async def busy(_sender: UserId, _draft: Draft) -> Accepted:
        raise Unavailable("it cannot be told whether this can be sent")

    await office.run_for(send=busy)
    assert (await office.state(made)).state is ScheduleState.SENDING
    office.now += timedelta(seconds=QUICK.give_up)
    await office.run_for(send=busy)
    failed = await office.state(made)
    assert failed.error is not None
    assert (failed.state, failed.error.code) == (ScheduleState.FAILED, "unavailable")


async def test_an_error_of_our_own_holds_up_its_conversation_alone(office: Office) -> None:
    other = await add_conversation(office.town.directory, office.town.ana, office.town.bia)
    bad = await office.later("bad")
    good = await office.later("good", conversation_id=other)
    office.now = START + timedelta(hours=1)
    tries = 0

    async def broken(sender: UserId, draft: Draft) -> Accepted:
        nonlocal tries
        if draft.conversation_id == office.town.group:
            tries += 1
            raise RuntimeError("a mistake")
        return await office.process.send(sender, draft)

    await office.until(good, state=ScheduleState.SENT, send=broken)
    assert (await office.state(bad)).state is ScheduleState.SENDING
    assert tries == 1


async def test_two_processes_that_send_at_once_make_no_second_message(office: Office) -> None:
    made = [await office.later(str(minute), minute=minute) for minute in range(20)]
    office.now = START + timedelta(hours=1)
    others = [asyncio.create_task(office.sender().run()) for _ in range(2)]
    await office.until(*made, state=ScheduleState.SENT)
    for one in others:
        one.cancel()
    await asyncio.wait(others)
    assert await office.said() == [str(minute) for minute in range(20)]


async def test_it_is_told_what_waits_and_how_late(office: Office) -> None:
    await office.later(minute=10)
    await office.later(minute=30)
    office.now = START + timedelta(minutes=12)

    async def busy(_sender: UserId, _draft: Draft) -> Accepted:
        raise Unavailable("not now")

    sender = office.sender(busy)
    task = asyncio.create_task(sender.run())
    await asyncio.wait([task], timeout=0.2)
    assert sender.waiting == 2
    assert sender.late == 120
    task.cancel()
    await asyncio.wait([task])
    assert (sender.waiting, sender.late) == (0, 0)


async def test_what_ended_is_forgotten_after_a_month_with_the_files_of_what_was_not_sent(
    office: Office,
) -> None:
    picture = Payload(type=PayloadType.IMAGE, file_id=new_id())
    kept = office.town.directory.scheduled
    waits = await office.later(minute=60 * 24 * 90)
    cancelled, sent = await office.later(), await office.later()
    for one in (cancelled, sent):
        with_file = replace(one, draft=replace(one.draft, payload=picture))
        assert await kept.change(with_file)
    await office.process.send(office.town.ana, sent.draft)  # so that its id is of a message
    await office.process.settle()
    for one in (cancelled, sent):
        found = await office.state(one)
        assert await kept.change(found.cancelled())
    office.now = START + timedelta(days=29)
    await office.run_for()
    assert len(await office.book.list(office.town.ana, limit=9)) == 3
    office.now = START + timedelta(days=31)
    await office.run_for()
    assert await office.book.list(office.town.ana, limit=9) == [waits]
    assert office.let_go == [cancelled.message_id]
