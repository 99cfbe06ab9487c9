"""The way of a message, told without what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chat4all.adapters.memory.message_store import MemoryMessageStore
from chat4all.domain.errors import MessageNotFound
from chat4all.domain.events import (
    CursorMoved,
    MessageDeleted,
    MessageEdited,
    Position,
    ReactionChanged,
    StatusChanged,
)
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor, Message
from chat4all.domain.payload import text
from chat4all.domain.status import Failure, Status, StatusEntry
from chat4all.ports.message_store import Effects, NewMessage
from chat4all.services.trace import TraceMessage

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
TALK, SAID = ConversationId("talk"), MessageId("01980f1d-9f00-7e21-b3c4-d5e6f7080001")
ANA, BIA, CAI = UserId("ana"), UserId("bia"), UserId("cai")


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


def attempt(status: Status, seconds: int, error: Failure | None = None) -> StatusEntry:
    return StatusEntry(
        message_id=SAID,
        conversation_id=TALK,
        user_id=CAI,
        channel="telegram",
        status=status,
        at=after(seconds),
        address="77",
        external_id=None if error else "5",
        error=error,
    )


@pytest.fixture
async def store() -> MemoryMessageStore:
    store = MemoryMessageStore()
    none = Cursor(conversation_id=TALK, user_id=BIA)
    read = none.moved(delivered=1, read=1, max_seq=1, at=after(5))
    entries = [
        attempt(Status.FAILED, 1, Failure(code="blocked", text="the bot was blocked")),
        attempt(Status.SENT, 2),
        attempt(Status.DELIVERED, 3),
    ]
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
    return store


async def test_every_hop_is_told_in_order(store: MemoryMessageStore) -> None:
    trace = await TraceMessage(store, store, store)(SAID)
    told = [(hop.at, hop.what, hop.user_id, hop.channel, hop.detail) for hop in trace.hops]
    assert told == [
        (NOON, "accepted", ANA, "app", "in the log at 0.7"),
        (NOON, "stored", None, None, "as number 1"),
        (after(1), "failed", CAI, "telegram", "to 77, blocked: the bot was blocked"),
        (after(2), "sent", CAI, "telegram", "to 77, as 5"),
        (after(3), "delivered", CAI, "telegram", "to 77, as 5"),
        (after(5), "read", BIA, "app", "up to 1"),
        (after(6), "reacted", BIA, None, "👍 in the log at 0.12"),
        (after(9), "edited", ANA, None, "in the log at 0.13"),
        (after(10), "hidden", BIA, None, "in the log at 0.14"),
    ]


async def test_what_the_message_says_is_not_told(store: MemoryMessageStore) -> None:
    assert "secret" not in repr(await TraceMessage(store, store, store)(SAID))


async def test_an_unknown_message_is_an_error(store: MemoryMessageStore) -> None:
    with pytest.raises(MessageNotFound):
        await TraceMessage(store, store, store)(MessageId("01980f1d-9f00-7e21-b3c4-000000000000"))
