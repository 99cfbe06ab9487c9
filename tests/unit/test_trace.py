"""The way of a message, told without what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.message_store import MemoryMessageStore
from chat4all.domain.commands import Command, ReportStatus, SubmitMessage
from chat4all.domain.delivery import Try
from chat4all.domain.errors import MessageNotFound
from chat4all.domain.events import (
    CursorMoved,
    MessageDeleted,
    MessageEdited,
    Position,
    ReactionChanged,
    StatusChanged,
)
from chat4all.domain.failover import Instead
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor, Message
from chat4all.domain.payload import text
from chat4all.domain.status import Failure, Status, StatusEntry
from chat4all.ports.event_log import COMMANDS, LogRecord, Record
from chat4all.ports.message_store import Effects, NewMessage
from chat4all.services.records import encode_command
from chat4all.services.trace import MOST_READS, Trace, TraceMessage

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
TALK, SAID = ConversationId("talk"), MessageId("01980f1d-9f00-7e21-b3c4-d5e6f7080001")
ANA, BIA, CAI = UserId("ana"), UserId("bia"), UserId("cai")
NEVER = Position(0, 99)
"""A place that the log has forgotten."""


def after(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


def message() -> Message:
    return Message(
        message_id=SAID,
        conversation_id=TALK,
        seq=1,
        sender=ANA,
        channel="app",
        payload=text("a secret"),
        created_at=NOON,
        edited_at=after(9),
    )


def attempt(
    status: Status,
    seconds: int,
    error: Failure | None = None,
    *,
    channel: str = "telegram",
    note: str | None = None,
) -> StatusEntry:
    return StatusEntry(
        message_id=SAID,
        conversation_id=TALK,
        user_id=CAI,
        channel=channel,
        status=status,
        at=after(seconds),
        address=None if note else "77",
        external_id=None if error or note else "5",
        error=error,
        note=note,
    )


BLOCKED = attempt(Status.FAILED, 1, Failure(code="blocked", text="the bot was blocked"))


class CountingLog(MemoryEventLog):
    """Keeps how many records were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    async def read(self, stream: str, *, after: Position | None, limit: int) -> Sequence[LogRecord]:
        self.asked.append(limit)
        return await super().read(stream, after=after, limit=limit)


async def told_of(*entries: StatusEntry, at: Position = NEVER) -> Trace:
    """Return the trace of a message that the log has forgotten, with these reports."""
    store, log = MemoryMessageStore(), MemoryEventLog()
    await store.apply(Effects(added=[NewMessage(message(), "digest", at)], statuses=list(entries)))
    return await TraceMessage(store, store, store, log)(SAID)


async def logged(*commands: Command) -> tuple[MemoryEventLog, list[Position]]:
    log = MemoryEventLog()
    records = [Record(COMMANDS, TALK, encode_command(one)) for one in commands]
    return log, list(await log.append(records))


@pytest.fixture
async def trace() -> Trace:
    """Everything that can befall a message, except in the log, which has forgotten it."""
    store = MemoryMessageStore()
    none = Cursor(conversation_id=TALK, user_id=BIA)
    read = none.moved(delivered=1, read=1, max_seq=1, at=after(5))
    entries = [BLOCKED, attempt(Status.SENT, 2), attempt(Status.DELIVERED, 3)]
    await store.apply(
        Effects(
            added=[NewMessage(message(), "digest", Position(0, 7))],
            statuses=entries,
            cursors=[read],
            journal=[
                *(
                    StatusChanged(position=Position(0, 8 + n), entry=entry, sender=ANA)
                    for n, entry in enumerate(entries)
                ),
                CursorMoved(position=Position(0, 11), before=none, after=read),
                ReactionChanged(
                    position=Position(0, 12),
                    conversation_id=TALK,
                    message_id=SAID,
                    user_id=BIA,
                    emoji="👍",
                    removed=False,
                    at=after(6),
                ),
                MessageEdited(position=Position(0, 13), message=message()),
                MessageDeleted(
                    position=Position(0, 14),
                    conversation_id=TALK,
                    message_id=SAID,
                    seq=1,
                    actor=BIA,
                    at=after(10),
                    only_for=BIA,
                ),
            ],
        )
    )
    return await TraceMessage(store, store, store, MemoryEventLog())(SAID)


async def test_every_hop_is_told_in_order(trace: Trace) -> None:
    told = [(hop.at, hop.what, hop.user_id, hop.channel, hop.detail) for hop in trace.hops]
    assert told == [
        (NOON, "accepted", ANA, "app", ""),
        (NOON, "stored", None, None, "as number 1, in the log at 0.7"),
        (after(1), "failed", CAI, "telegram", "to 77, blocked: the bot was blocked"),
        (after(2), "sent", CAI, "telegram", "to 77, as 5"),
        (after(3), "delivered", CAI, "telegram", "to 77, as 5"),
        (after(5), "read", BIA, "app", "up to 1"),
        (after(6), "reacted", BIA, None, "👍, in the log at 0.12"),
        (after(9), "edited", ANA, None, "in the log at 0.13"),
        (after(10), "hidden", BIA, None, "in the log at 0.14"),
    ]


async def test_a_hop_tells_how_long_it_took_after_what_it_follows_from(trace: Trace) -> None:
    took = {hop.what: hop.after and hop.after.total_seconds() for hop in trace.hops}
    assert took == {
        "accepted": None,
        "stored": timedelta(0),
        "failed": 1,
        "sent": 1,
        "delivered": 1,
        "read": 5,
        "reacted": None,
        "edited": None,
        "hidden": None,
    }


async def test_what_the_message_says_is_not_told(trace: Trace) -> None:
    assert "secret" not in repr(trace)


async def test_members_see_no_addresses_and_not_who_hid_it(trace: Trace) -> None:
    seen = trace.seen_by(CAI)
    assert "hidden" not in [hop.what for hop in seen.hops]
    assert "77" not in repr(seen)
    assert "hidden" in [hop.what for hop in trace.seen_by(BIA).hops]


async def test_the_log_tells_why_a_channel_was_chosen_and_the_tries_in_vain() -> None:
    submit = SubmitMessage(
        message_id=SAID,
        conversation_id=TALK,
        sender=ANA,
        payload=text("a secret"),
        accepted_at=NOON,
        digest="digest",
        channels=("telegram", "whatsapp"),
    )
    sent = attempt(Status.SENT, 60)
    busy = Try(at=after(40), code="rate_limited", text="Too Many Requests")
    report = ReportStatus(conversation_id=TALK, entry=sent, why="asked", tries=(busy,))
    log, [first, second] = await logged(submit, report)
    store = MemoryMessageStore()
    changed = StatusChanged(position=second, entry=sent, sender=ANA)
    await store.apply(
        Effects(added=[NewMessage(message(), "digest", first)], statuses=[sent], journal=[changed])
    )
    hops = (await TraceMessage(store, store, store, log)(SAID)).hops
    told = {hop.what: hop.detail for hop in hops}
    assert told == {
        "accepted": "asked for telegram, then whatsapp",
        "logged": f"in the log at {first.partition}.{first.offset}",
        "stored": "as number 1",
        "routed": "asked",
        "tried": "rate_limited: Too Many Requests",
        "sent": "to 77, as 5",
    }
    assert [hop.at for hop in hops if hop.what == "tried"] == [after(40)]
    assert [hop.after for hop in hops if hop.what == "sent"] == [timedelta(seconds=20)]


async def test_what_stands_near_in_the_log_is_read_at_once_and_not_without_end() -> None:
    log = CountingLog()
    store = MemoryMessageStore()
    near, far = range(1, 300), [1_000 * n for n in range(1, 100)]
    reports = [
        StatusChanged(position=Position(0, offset), entry=BLOCKED, sender=ANA)
        for offset in [*near, *far]
    ]
    added = [NewMessage(message(), "digest", Position(0, 0))]
    await store.apply(Effects(added=added, journal=list(reports)))
    await TraceMessage(store, store, store, log)(SAID)
    assert log.asked[0] == 300
    assert len(log.asked) == MOST_READS


async def test_a_place_that_holds_something_else_tells_nothing() -> None:
    other = SubmitMessage(
        message_id=MessageId("01980f1d-9f00-7e21-b3c4-d5e6f7080002"),
        conversation_id=TALK,
        sender=ANA,
        payload=text("another"),
        accepted_at=NOON,
        digest="other",
        channels=("whatsapp",),
    )
    log, [place] = await logged(other)
    store = MemoryMessageStore()
    before = Position(place.partition, place.offset - 1)
    await store.apply(Effects(added=[NewMessage(message(), "digest", before)]))
    hops = (await TraceMessage(store, store, store, log)(SAID)).hops
    assert [hop.what for hop in hops] == ["accepted", "stored"]


async def test_the_next_channel_follows_from_the_failure_of_the_one_before() -> None:
    note = Instead("telegram", "blocked").note
    began = attempt(Status.ACCEPTED, 3, channel="whatsapp", note=note)
    trace = await told_of(BLOCKED, began, attempt(Status.SENT, 4, channel="whatsapp"))
    [hop] = [one for one in trace.hops if one.what == "rerouted"]
    assert (hop.channel, hop.instead) == ("whatsapp", Instead("telegram", "blocked"))
    assert hop.after == timedelta(seconds=2)


async def test_an_unknown_message_is_an_error() -> None:
    store = MemoryMessageStore()
    with pytest.raises(MessageNotFound):
        await TraceMessage(store, store, store, MemoryEventLog())(SAID)


async def test_what_was_accepted_and_is_not_stored_yet_is_waited_for() -> None:
    store, log = MemoryMessageStore(), MemoryEventLog()
    [place] = await log.append([Record(COMMANDS, "talk", b"")])
    asking = asyncio.ensure_future(TraceMessage(store, store, store, log)(SAID))
    await asyncio.sleep(0.05)
    assert not asking.done()
    await store.apply(Effects(added=[NewMessage(message(), "digest", place)]))
    assert (await asking).message_id == SAID
