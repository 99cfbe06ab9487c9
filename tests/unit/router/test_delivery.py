"""The delivery worker: order per chat, retries, failures, and nothing sent twice."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.message_store import MemoryMessageStore
from chat4all.domain.commands import ReportStatus
from chat4all.domain.delivery import DeliveryKind, DeliveryTask
from chat4all.domain.errors import ChannelError, Unavailable
from chat4all.domain.ids import AccountId, MessageId, UserId, new_id
from chat4all.domain.outgoing import Outgoing
from chat4all.domain.payload import Payload, PayloadType, text
from chat4all.domain.status import Status, StatusEntry
from chat4all.ports.event_log import COMMANDS, DEAD_LETTERS, LogRecord, Record, outbound
from chat4all.ports.message_store import Effects
from chat4all.router.carrier import Carrier, RetryPolicy
from chat4all.router.delivery import GROUP, DeliveryWorker
from chat4all.router.gate import Gate
from chat4all.services.records import decode_command, encode_task
from chat4all.testing.faults import Faults, FaultyLog
from chat4all.testing.message_storage import Talk
from chat4all.testing.paper import PAPER_ACCOUNT, PaperConnector

STREAM = outbound("paper")
DAVI = UserId("davi")
SOON = RetryPolicy(first=0.001, most=0.002, attempts=4)


class Desk:
    """A worker over engines in memory, which can be begun anew."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.log = FaultyLog(MemoryEventLog(), self.faults)
        self.store = MemoryMessageStore()
        self.paper = PaperConnector()
        self.accounts: dict[AccountId, PaperConnector] = {PAPER_ACCOUNT: self.paper}
        self.talk = Talk()
        self.now = datetime.now(UTC)

    def worker(self, policy: RetryPolicy = SOON, **more: Any) -> DeliveryWorker:
        kept = {"unfinished": more.pop("unfinished")} if "unfinished" in more else {}
        gate = more.pop("gate", None) or Gate()
        carrier = Carrier(
            self.log,
            self.store,
            self.accounts,
            gate,
            policy=policy,
            clock=lambda: self.now,
            **more,
        )
        return DeliveryWorker("paper", self.log, carrier, **kept)

    @asynccontextmanager
    async def working(self, worker: DeliveryWorker | None = None) -> Any:
        task = asyncio.create_task((worker or self.worker()).run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def put(self, words: str | Payload, address: str = "a", **fields: Any) -> DeliveryTask:
        new = self.talk.add(words)
        await self.store.apply(Effects(added=[new]))
        given: dict[str, Any] = {
            "task_id": new_id(),
            "kind": DeliveryKind.MESSAGE,
            "channel": "paper",
            "account_id": PAPER_ACCOUNT,
            "address": address,
            "user_id": DAVI,
            "conversation_id": self.talk.id,
            "message_id": new.message.message_id,
            "expires_at": self.now + timedelta(hours=1),
            "payload": new.message.payload,
        }
        task = DeliveryTask(**{**given, **fields})
        await self.ask(task)
        return task

    async def ask(self, task: DeliveryTask) -> None:
        await self.log.append([Record(STREAM, task.address, encode_task(task))])

    async def done(self) -> None:
        await until(lambda: not self.log.backlog(STREAM, GROUP))

    async def reports(self) -> list[StatusEntry]:
        records = await self.log.read(COMMANDS, after=None, limit=1000)
        commands = [decode_command(record.value) for record in records]
        return [one.entry for one in commands if isinstance(one, ReportStatus)]

    async def keep_reports(self) -> None:
        """Store what was reported, as the router does."""
        await self.store.apply(Effects(statuses=list(await self.reports())))

    async def parked(self) -> Sequence[LogRecord]:
        return await self.log.read(DEAD_LETTERS, after=None, limit=100)

    def fail(self, address: str, *errors: ChannelError) -> None:
        self.paper.failures[address] = deque(errors)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - the worker says nothing when it is done
            await asyncio.sleep(0.001)


def later(retry_after: float | None = None) -> ChannelError:
    return ChannelError("busy", retry=True, reason="rate_limited", retry_after=retry_after)


def never() -> ChannelError:
    return ChannelError(
        "blocked by the user", retry=False, reason="blocked", platform_error={"error_code": 403}
    )


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_message_is_sent_and_reported_with_the_id_of_the_platform(desk: Desk) -> None:
    task = await desk.put("hello")
    async with desk.working():
        await desk.done()
    [sent] = desk.paper.sent
    assert (sent.message_id, sent.address, sent.payload) == (task.message_id, "a", text("hello"))
    [report] = await desk.reports()
    assert report.status is Status.SENT
    assert report.external_id == f"paper-{task.message_id}"
    assert (report.user_id, report.channel, report.address) == (DAVI, "paper", "a")


async def test_a_chat_keeps_its_order_while_its_first_message_is_retried(desk: Desk) -> None:
    desk.fail("a", later(), later(), later())
    for words in ("one", "two", "three"):
        await desk.put(words)
    async with desk.working():
        await desk.done()
    assert desk.paper.texts("a") == ["one", "two", "three"]


async def test_a_chat_that_is_retried_holds_up_no_other(desk: Desk) -> None:
    desk.fail("a", later(retry_after=60))
    await desk.put("slow", "a")
    await desk.put("quick", "b")
    async with desk.working():
        await until(lambda: desk.paper.texts("b") == ["quick"])
        assert desk.paper.texts("a") == []
        assert desk.log.backlog(STREAM, GROUP) == 2, "what is not done must not be committed"


def test_the_wait_doubles_with_jitter_and_is_never_shorter_than_the_platform_asks() -> None:
    policy = RetryPolicy(first=1.0, most=8.0)
    for attempt, ceiling in enumerate([1.0, 2.0, 4.0, 8.0, 8.0]):
        waits = [policy.wait(attempt, None) for _ in range(50)]
        assert all(ceiling / 2 <= wait <= ceiling for wait in waits)
        assert len(set(waits)) > 1
    assert policy.wait(0, 30.0) == 30.0
    assert policy.wait(10_000, None) <= 8.0


async def test_the_next_try_waits_as_long_as_the_platform_asks(desk: Desk) -> None:
    desk.fail("a", later(retry_after=0.1))
    await desk.put("hello")
    started = asyncio.get_running_loop().time()
    async with desk.working():
        await desk.done()
    assert asyncio.get_running_loop().time() - started >= 0.1
    assert desk.paper.texts("a") == ["hello"]


async def test_a_report_tells_why_the_channel_was_chosen_and_the_tries_before(desk: Desk) -> None:
    desk.fail("a", later(), later())
    await desk.put("hello", why="asked")
    async with desk.working():
        await desk.done()
    [record] = await desk.log.read(COMMANDS, after=None, limit=10)
    report = decode_command(record.value)
    assert isinstance(report, ReportStatus)
    assert report.why == "asked"
    assert [(one.code, one.text) for one in report.tries] == [("rate_limited", "busy")] * 2


async def test_a_permanent_failure_ends_as_failed_with_its_reason(desk: Desk) -> None:
    desk.fail("a", never())
    await desk.put("one")
    await desk.put("two")
    async with desk.working():
        await desk.done()
    failed, sent = await desk.reports()
    assert failed.status is Status.FAILED
    assert failed.error is not None
    assert (failed.error.code, failed.error.text) == ("blocked", "blocked by the user")
    assert failed.error.platform_error == {"error_code": 403}
    assert sent.status is Status.SENT
    assert desk.paper.texts("a") == ["two"]


async def test_retries_end_after_so_many_attempts(desk: Desk) -> None:
    desk.fail("a", *[later() for _ in range(SOON.attempts)])
    await desk.put("hello")
    async with desk.working():
        await desk.done()
    [report] = await desk.reports()
    assert report.error is not None
    assert report.error.code == "rate_limited"
    assert desk.paper.sent == []


async def test_a_message_that_is_too_old_is_not_sent_and_failed(desk: Desk) -> None:
    await desk.put("hello", expires_at=desk.now)
    async with desk.working():
        await desk.done()
    [report] = await desk.reports()
    assert report.error is not None
    assert report.error.code == "expired"
    assert desk.paper.sent == []


async def test_an_account_that_does_not_run_yet_is_waited_for(desk: Desk) -> None:
    desk.accounts.clear()
    await desk.put("hello")
    async with desk.working(desk.worker(RetryPolicy(first=0.001, most=0.002, attempts=10_000))):
        await asyncio.sleep(0.02)
        desk.accounts[PAPER_ACCOUNT] = desk.paper
        await desk.done()
    assert desk.paper.texts("a") == ["hello"]


async def test_a_restart_repeats_only_what_was_not_done(desk: Desk) -> None:
    desk.fail("a", later(retry_after=60))
    await desk.put("stuck", "a")
    await desk.put("done", "b")
    async with desk.working():
        await until(lambda: len(desk.paper.sent) == 1)
    await desk.keep_reports()
    async with desk.working():
        await desk.done()
    assert desk.paper.texts("a") == ["stuck"]
    assert desk.paper.texts("b") == ["done"]


async def test_what_is_stored_as_sent_is_not_sent_again(desk: Desk) -> None:
    task = await desk.put("hello")
    async with desk.working():
        await desk.done()
    await desk.keep_reports()
    await desk.ask(task)
    async with desk.working():
        await desk.done()
    assert desk.paper.texts("a") == ["hello"]


async def test_a_task_asked_for_twice_is_done_once_also_before_it_is_stored(desk: Desk) -> None:
    task = await desk.put("hello")
    await desk.ask(task)
    async with desk.working():
        await desk.done()
    assert desk.paper.texts("a") == ["hello"]


async def test_a_report_that_cannot_be_kept_is_not_sent_again(desk: Desk) -> None:
    refusals = iter([True, True, False])

    def full(records: Sequence[Record]) -> None:
        if records[0].stream == COMMANDS and next(refusals):
            raise Unavailable("no space")

    desk.faults.on_append = full
    await desk.put("hello")
    async with desk.working():
        await desk.done()
    assert desk.paper.texts("a") == ["hello"]
    assert [one.status for one in await desk.reports()] == [Status.SENT]


async def test_a_worker_that_failed_works_on_when_it_is_run_again(desk: Desk) -> None:
    def refuse(stream: str, position: object) -> None:
        raise ConnectionError("the log has gone")

    desk.faults.on_commit = refuse
    worker = desk.worker(unfinished=1)
    await desk.put("one")
    await desk.put("two")
    async with desk.working(worker) as task:
        await until(task.done)
        with pytest.raises(ExceptionGroup):
            task.result()
    desk.faults.none()
    async with desk.working(worker):
        await desk.done()
    assert desk.paper.texts("a") == ["one", "two"]


async def test_a_long_text_goes_in_parts_and_no_part_twice(desk: Desk) -> None:
    asked = 0

    async def second_part_fails_once(message: Outgoing) -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise later()

    desk.paper.before_send = second_part_fails_once
    await desk.put("aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa")
    async with desk.working():
        await desk.done()
    assert desk.paper.texts("a") == ["aaaa aaaa aaaa aaaa", "aaaa aaaa aaaa aaaa"]
    first, second = desk.paper.sent
    assert first.message_id != second.message_id, "a platform would take it for a repeat"
    [report] = await desk.reports()
    assert report.external_id == f"paper-{first.message_id}"
    assert report.note == "sent in 2 parts"


async def test_what_was_edited_before_it_was_sent_goes_as_it_is_now(desk: Desk) -> None:
    task = await desk.put("wrong")
    kept = (await desk.store.find([task.message_id]))[task.message_id]
    await desk.store.apply(desk.talk.edit(kept.message, "right"))
    async with desk.working():
        await desk.done()
    assert desk.paper.texts("a") == ["right"]


async def test_what_was_deleted_before_it_was_sent_is_not_sent(desk: Desk) -> None:
    task = await desk.put("oops")
    kept = (await desk.store.find([task.message_id]))[task.message_id]
    await desk.store.apply(desk.talk.delete(kept.message))
    async with desk.working():
        await desk.done()
    assert desk.paper.sent == []
    [report] = await desk.reports()
    assert report.error is not None
    assert report.error.code == "deleted"


@pytest.mark.parametrize(
    ("kind", "fields", "change"),
    [
        (DeliveryKind.EDIT, {"payload": text("new")}, ("edit", "x7", "new")),
        (DeliveryKind.DELETE, {"payload": None}, ("delete", "x7", "a")),
        (DeliveryKind.REACTIONS, {"emojis": ("👍",)}, ("react", "x7", ("👍",))),
    ],
)
async def test_changes_are_made_to_the_message_the_platform_knows(
    desk: Desk, kind: DeliveryKind, fields: dict[str, Any], change: tuple[str, str, object]
) -> None:
    known = StatusEntry(
        message_id=MessageId(new_id()),
        conversation_id=desk.talk.id,
        user_id=DAVI,
        channel="paper",
        status=Status.SENT,
        at=desk.now,
        external_id="x7",
        address="a",
        account_id=PAPER_ACCOUNT,
    )
    await desk.store.apply(Effects(statuses=[known]))
    await desk.put("unrelated", "b")
    await desk.put("original", "a", kind=kind, message_id=known.message_id, **fields)
    async with desk.working():
        await desk.done()
    assert desk.paper.changes == [change]


async def test_a_reply_names_the_message_by_the_id_of_the_platform(desk: Desk) -> None:
    first = await desk.put("question")
    async with desk.working():
        await desk.done()
    await desk.keep_reports()
    await desk.put("answer", reply_to=first.message_id)
    async with desk.working():
        await desk.done()
    assert desk.paper.sent[-1].reply_to == f"paper-{first.message_id}"


async def test_in_a_chat_of_several_the_text_says_who_wrote(desk: Desk) -> None:
    await desk.put("hi", from_name="Ana")
    async with desk.working():
        await desk.done()
    assert desk.paper.texts("a") == ["Ana: hi"]


async def test_what_the_channel_does_not_carry_goes_as_text_and_the_history_says_so(
    desk: Desk,
) -> None:
    picture = Payload(type=PayloadType.IMAGE, file_id="f1", caption="cat")
    await desk.put(picture)
    async with desk.working():
        await desk.done()
    [report] = await desk.reports()
    assert report.status is Status.SENT
    assert report.note == "image sent as text"


async def test_a_record_that_cannot_be_read_is_parked_and_the_rest_goes_on(desk: Desk) -> None:
    await desk.log.append([Record(STREAM, "a", b"rubbish")])
    await desk.put("hello")
    async with desk.working():
        await desk.done()
    assert desk.paper.texts("a") == ["hello"]
    assert len(await desk.parked()) == 1


async def test_a_task_that_breaks_the_connector_is_parked_and_the_rest_goes_on(desk: Desk) -> None:
    async def broken(message: Outgoing) -> None:
        if message.payload.text == "bad":
            raise ZeroDivisionError

    desk.paper.before_send = broken
    await desk.put("bad")
    await desk.put("good")
    async with desk.working():
        await desk.done()
    assert desk.paper.texts("a") == ["good"]
    assert len(await desk.parked()) == 1


async def test_no_more_than_the_window_is_taken_at_once(desk: Desk) -> None:
    hold = asyncio.Event()

    async def slow(message: Outgoing) -> None:
        under_way.append(message)
        await hold.wait()

    under_way: list[Outgoing] = []
    desk.paper.before_send = slow
    for address in "abcde":
        await desk.put("hello", address)
    async with desk.working(desk.worker(gate=Gate(window=3))):
        await until(lambda: len(under_way) == 3)
        await asyncio.sleep(0.01)
        assert len(under_way) == 3
        hold.set()
        await desk.done()
    assert len(desk.paper.sent) == 5
