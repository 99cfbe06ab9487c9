"""Dead letters: shown with what they are about, and tried again at most once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.domain.commands import AdvanceCursor, PlanAgain
from chat4all.domain.delivery import DeliveryKind, DeliveryTask
from chat4all.domain.errors import ChannelError, Conflict, RecordNotFound, UnreadableRecord
from chat4all.domain.events import CursorMoved, Position
from chat4all.domain.ids import AccountId, ConversationId, MessageId, UserId, new_id
from chat4all.domain.messages import Cursor
from chat4all.domain.payload import text
from chat4all.domain.status import Status
from chat4all.ports.event_log import COMMANDS, DEAD_LETTERS, EVENTS, LogRecord, Record, outbound
from chat4all.services.counted_log import CountedLog
from chat4all.services.dead_letters import DeadLetters, LetterFilter, dead_letter
from chat4all.services.records import decode_task, encode_command, encode_event, encode_task

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
PAPER = outbound("paper")
OPERATOR = UserId("operator")
HOME, AWAY = ConversationId("home"), ConversationId("away")


def command(conversation: ConversationId = HOME) -> bytes:
    return encode_command(
        AdvanceCursor(
            conversation_id=conversation,
            user_id=UserId("ana"),
            delivered_seq=1,
            read_seq=1,
            at=NOW,
        )
    )


def task(words: str = "a secret") -> DeliveryTask:
    return DeliveryTask(
        task_id="task-1",
        kind=DeliveryKind.MESSAGE,
        channel="paper",
        account_id=AccountId("bot"),
        address="street 1",
        user_id=UserId("davi"),
        conversation_id=HOME,
        message_id=MessageId(new_id()),
        expires_at=NOW - timedelta(days=3),
        payload=text(words),
    )


def refused() -> ChannelError:
    return ChannelError(
        "no such token", retry=False, reason="unauthorized", platform_error={"error_code": 401}
    )


class SlowLog(MemoryEventLog):
    """Lets others go on before it keeps anything, as one on a disk does."""

    async def append(self, records: Sequence[Record]) -> Sequence[Position]:
        await asyncio.sleep(0)
        return await super().append(records)


class Office:
    """A log, and the dead letters as each process sees them."""

    def __init__(self, partitions: int = 1) -> None:
        self.log = SlowLog(partitions=partitions)
        self.letters = self.restarted()

    def restarted(self) -> DeadLetters:
        return DeadLetters(self.log, self.log, now=lambda: NOW)

    async def park(self, record: Record) -> str:
        [position] = await self.log.append([record])
        return f"{position.partition}.{position.offset}"

    async def park_task(self, one: DeliveryTask) -> str:
        return await self.park(dead_letter(PAPER, one.address, encode_task(one), refused()))

    async def records(self, stream: str) -> Sequence[LogRecord]:
        found: list[LogRecord] = []
        for end in await self.log.ends(stream):
            before = Position(end.partition, -1)
            found += await self.log.read(stream, after=before, limit=10_000)
        return found

    async def ids(self, which: LetterFilter) -> list[str]:
        return [one.id for one in (await self.letters.page(which)).items]


@pytest.fixture
def office() -> Office:
    return Office()


async def test_a_letter_tells_why_it_is_here_and_what_it_is_about(office: Office) -> None:
    parked = task()
    record = dead_letter(PAPER, "street 1", encode_task(parked), refused(), attempts=7)
    letter = await office.letters.get(await office.park(record))
    assert (letter.code, letter.reason, letter.attempts) == ("unauthorized", "no such token", 7)
    assert letter.platform_error == {"error_code": 401}
    assert letter.contents is not None
    assert (letter.contents.kind, letter.contents.message_id) == ("delivery", parked.message_id)
    assert letter.contents.conversation_id == HOME
    assert letter.contents.ids["address"] == "street 1"
    assert "secret" not in repr(letter.contents)


async def test_what_cannot_be_read_is_a_letter_all_the_same(office: Office) -> None:
    letter_id = await office.park(dead_letter(COMMANDS, HOME, b"\xff", UnreadableRecord("what?")))
    assert (await office.letters.get(letter_id)).contents is None
    assert await office.ids(LetterFilter(conversation=HOME)) == [letter_id]
    await office.letters.redrive(letter_id)
    assert [one.value for one in await office.records(COMMANDS)] == [b"\xff"]


async def test_letters_are_found_by_stream_code_conversation_time_and_state(
    office: Office,
) -> None:
    first = await office.park(dead_letter(COMMANDS, HOME, command(), ZeroDivisionError("x")))
    second = await office.park_task(task())
    third = await office.park(dead_letter(COMMANDS, AWAY, command(AWAY), ZeroDivisionError("x")))
    await office.letters.redrive(third)
    assert await office.ids(LetterFilter()) == [first, second, third]
    assert await office.ids(LetterFilter(stream=PAPER)) == [second]
    assert await office.ids(LetterFilter(code="internal_error")) == [first, third]
    assert await office.ids(LetterFilter(conversation=HOME)) == [first, second]
    assert await office.ids(LetterFilter(redriven=True)) == [third]
    assert await office.ids(LetterFilter(redriven=False)) == [first, second]
    later = (await office.letters.get(first)).parked_at
    assert await office.ids(LetterFilter(since=later)) == [first, second, third]
    assert await office.ids(LetterFilter(since=later + timedelta(days=1))) == []


async def test_pages_hold_every_letter_once_in_all_partitions() -> None:
    office = Office(partitions=3)
    parked = [
        await office.park(dead_letter(COMMANDS, f"{n}", b"{}", UnreadableRecord("no")))
        for n in range(20)
    ]
    for one in parked[::3]:
        await office.letters.redrive(one)
    seen: list[str] = []
    after: str | None = None
    while True:
        page = await office.letters.page(after=after, limit=3)
        assert len(page.items) <= 3
        seen += [one.id for one in page.items]
        after = page.next
        if after is None:
            break
    assert sorted(seen) == sorted(parked)


async def test_a_note_is_no_letter(office: Office) -> None:
    letter_id = await office.park_task(task())
    await office.letters.redrive(letter_id)
    assert len(await office.records(DEAD_LETTERS)) == 2
    for unknown in ("0.1", "0.2", "1.0", "rubbish", "0"):
        with pytest.raises(RecordNotFound):
            await office.letters.get(unknown)


async def test_a_redriven_letter_says_when_and_by_whom_also_after_a_restart(
    office: Office,
) -> None:
    letter_id = await office.park_task(task())
    letter, done = await office.letters.redrive(letter_id, by=OPERATOR)
    assert done
    assert letter.redriven_at is not None
    assert letter.redriven_by == OPERATOR
    assert await office.restarted().get(letter_id) == letter
    assert await office.restarted().redrive(letter_id, by=UserId("bia")) == (letter, False)
    assert len(await office.records(PAPER)) == 1


async def test_a_delivery_gets_more_time_and_an_id_that_follows_from_its_own(
    office: Office,
) -> None:
    parked = task()
    for _ in range(2):  # the same task parked twice, as a stop in between may have it
        await office.letters.redrive(await office.park_task(parked))
    first, second = [decode_task(one.value) for one in await office.records(PAPER)]
    assert first.task_id == second.task_id != parked.task_id
    assert first.expires_at == NOW + timedelta(hours=24)
    assert first.unless is Status.DELIVERED
    assert (first.message_id, first.payload) == (parked.message_id, parked.payload)


async def test_an_event_cannot_be_tried_again(office: Office) -> None:
    here = Cursor(conversation_id=HOME, user_id=UserId("ana"))
    event = CursorMoved(position=Position(0, 1), before=here, after=here)
    record = dead_letter(EVENTS, HOME, encode_event(event), ZeroDivisionError("x"))
    letter_id = await office.park(record)
    with pytest.raises(Conflict, match="history"):
        await office.letters.redrive(letter_id)
    assert (await office.letters.get(letter_id)).redriven_at is None


async def test_a_plan_that_failed_tells_the_ids_of_its_event(office: Office) -> None:
    here = Cursor(conversation_id=AWAY, user_id=UserId("ana"))
    event = CursorMoved(position=Position(0, 1), before=here, after=here)
    again = PlanAgain(
        conversation_id=AWAY, event=encode_event(event).decode(), command=command(AWAY).decode()
    )
    record = dead_letter(COMMANDS, AWAY, encode_command(again), ZeroDivisionError("x"))
    found = (await office.letters.get(await office.park(record))).contents
    assert found is not None
    assert (found.kind, found.conversation_id) == ("plan_again", AWAY)


@given(
    letters=st.integers(1, 5),
    partitions=st.integers(1, 3),
    asked=st.lists(
        st.tuples(st.integers(0, 4), st.booleans(), st.booleans()), min_size=1, max_size=25
    ),
)
async def test_any_sequence_of_redrives_appends_each_record_at_most_once(
    letters: int, partitions: int, asked: list[tuple[int, bool, bool]]
) -> None:
    office = Office(partitions)
    parked = [
        await office.park(dead_letter(COMMANDS, f"{n}", b"%d" % n, UnreadableRecord("no")))
        for n in range(letters)
    ]
    wanted = set()
    effects = 0
    under_way: list[asyncio.Task[tuple[object, bool]]] = []
    for number, restart, wait in asked:
        if restart:
            effects += sum([done for _, done in await asyncio.gather(*under_way)])
            under_way = []
            office.letters = office.restarted()
        wanted.add(number % letters)
        letter_id = parked[number % letters]
        under_way.append(asyncio.create_task(office.letters.redrive(letter_id)))
        if wait:
            await asyncio.sleep(0)
    effects += sum([done for _, done in await asyncio.gather(*under_way)])
    values = [one.value for one in await office.records(COMMANDS)]
    assert sorted(values) == sorted(b"%d" % n for n in wanted)
    assert effects == len(wanted)


async def test_each_letter_is_counted_by_the_stream_of_its_record_and_a_note_is_not() -> None:
    counted: list[str] = []
    log = CountedLog(MemoryEventLog(), counted.append)
    await log.append(
        [
            Record(COMMANDS, HOME, command()),
            dead_letter(COMMANDS, HOME, command(), UnreadableRecord("version 9")),
            dead_letter(PAPER, "street 1", encode_task(task()), refused()),
        ]
    )
    assert counted == [COMMANDS, PAPER]
    [letter, _] = (await DeadLetters(log, log).page(LetterFilter(), after=None, limit=9)).items
    await DeadLetters(log, log).redrive(letter.id, by=OPERATOR)
    assert counted == [COMMANDS, PAPER]
