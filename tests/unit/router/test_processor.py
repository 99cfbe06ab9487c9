"""What each command does, decided against a snapshot."""

from __future__ import annotations

import gc
import itertools
import weakref
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from chat4all.domain.commands import (
    AdvanceCursor,
    AnnounceChange,
    Command,
    DeleteMessage,
    EditMessage,
    React,
    ReportStatus,
    SubmitMessage,
)
from chat4all.domain.errors import MessageIdConflict, MessageNotFound, NotPermitted
from chat4all.domain.events import (
    ConversationChanged,
    CursorMoved,
    MessageAdded,
    MessageDeleted,
    MessageEdited,
    Position,
    ReactionChanged,
    StatusChanged,
)
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor
from chat4all.domain.payload import text
from chat4all.domain.status import Status, StatusEntry
from chat4all.router.processor import Decision, Placed, Processor
from chat4all.router.state import Snapshot

HERE, THERE = ConversationId("here"), ConversationId("there")
ANA, BIA = UserId("ana"), UserId("bia")
M1, M2 = MessageId("m1"), MessageId("m2")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Book:
    """A snapshot that successive decisions move along."""

    def __init__(self) -> None:
        self.offsets = itertools.count()
        self.state = Snapshot(
            heads={HERE: 0, THERE: 0},
            cursors={
                (talk, user): Cursor(conversation_id=talk, user_id=user)
                for talk in (HERE, THERE)
                for user in (ANA, BIA)
            },
            kept={},
            attempts={},
        )

    def decide(self, *commands: Command) -> Decision:
        placed = [Placed(Position(0, next(self.offsets)), one) for one in commands]
        return Processor(self.state).decide(placed)

    def events(self, *commands: Command) -> list[Any]:
        return [event for _, event in self.decide(*commands).events]


def submit(name: str = M1, **fields: Any) -> SubmitMessage:
    given: dict[str, Any] = {
        "message_id": MessageId(name),
        "conversation_id": HERE,
        "sender": ANA,
        "payload": text("hello"),
        "accepted_at": NOW,
        "digest": f"digest of {name}",
    }
    return SubmitMessage(**{**given, **fields})


def edit(words: str, **fields: Any) -> EditMessage:
    given: dict[str, Any] = {
        "conversation_id": HERE,
        "message_id": M1,
        "actor": ANA,
        "payload": text(words),
        "at": NOW,
    }
    return EditMessage(**{**given, **fields})


def delete(**fields: Any) -> DeleteMessage:
    given: dict[str, Any] = {
        "conversation_id": HERE,
        "message_id": M1,
        "actor": ANA,
        "for_everyone": True,
        "at": NOW,
    }
    return DeleteMessage(**{**given, **fields})


def react(*, removed: bool = False, actor: UserId = BIA) -> React:
    return React(
        conversation_id=HERE, message_id=M1, actor=actor, emoji="👍", removed=removed, at=NOW
    )


def advance(delivered: int, read: int) -> AdvanceCursor:
    return AdvanceCursor(
        conversation_id=HERE, user_id=BIA, delivered_seq=delivered, read_seq=read, at=NOW
    )


def report(status: Status, message: MessageId = M1) -> ReportStatus:
    entry = StatusEntry(
        message_id=message,
        conversation_id=HERE,
        user_id=BIA,
        channel="paper",
        status=status,
        at=NOW,
    )
    return ReportStatus(conversation_id=HERE, entry=entry)


def test_messages_are_numbered_per_conversation_in_the_order_of_the_log() -> None:
    decision = Book().decide(submit("a"), submit("b", conversation_id=THERE), submit("c"))
    assert [(one.message.message_id, one.message.seq) for one in decision.effects.added] == [
        ("a", 1),
        ("b", 1),
        ("c", 2),
    ]
    assert all(isinstance(event, MessageAdded) for _, event in decision.events)
    assert decision.effects.journal == []


def test_a_repeat_has_no_effect_in_one_batch_and_in_the_next() -> None:
    book = Book()
    assert len(book.decide(submit(), submit()).effects.added) == 1
    again = book.decide(submit())
    assert (again.events, again.refused, again.effects.added) == ([], [], [])
    assert book.state.heads[HERE] == 1


def test_what_another_router_has_stored_under_the_same_command_is_told_again_and_kept_once() -> (
    None
):
    book, command = Book(), submit()
    [added] = book.events(command)
    again = Processor(book.state).decide([Placed(added.position, command)])
    assert [event for _, event in again.events] == [added]
    assert again.effects.added == []


def test_the_same_id_with_other_content_is_refused() -> None:
    decision = Book().decide(submit(), submit(digest="other"), submit("next"))
    [(placed, error)] = decision.refused
    assert isinstance(error, MessageIdConflict)
    assert placed.position.offset == 1
    assert [one.message.seq for one in decision.effects.added] == [1, 2]


def test_a_command_that_breaks_is_refused_and_the_rest_goes_on() -> None:
    unknown = submit("a", conversation_id=ConversationId("not in the snapshot"))
    decision = Book().decide(unknown, submit("b"))
    assert [type(error) for _, error in decision.refused] == [KeyError]
    assert [one.message.message_id for one in decision.effects.added] == ["b"]


def test_the_platform_id_of_an_inbound_message_is_kept() -> None:
    inbound = submit(channel="paper", external_id="x1", address="street 1")
    [entry] = Book().decide(inbound).effects.statuses
    assert (entry.external_id, entry.address, entry.user_id) == ("x1", "street 1", ANA)


def test_an_edit_replaces_the_payload_once() -> None:
    book = Book()
    decision = book.decide(submit(), edit("new"), edit("new"))
    assert [type(event) for _, event in decision.events] == [MessageAdded, MessageEdited]
    [changed] = decision.effects.changed
    assert (changed.payload, changed.edited_at, changed.seq) == (text("new"), NOW, 1)


def test_only_the_sender_edits() -> None:
    [(_, error)] = Book().decide(submit(), edit("mine", actor=BIA)).refused
    assert isinstance(error, NotPermitted)


def test_a_deleted_message_is_edited_and_reacted_to_no_more() -> None:
    book = Book()
    book.decide(submit(), react(), delete())
    assert book.state.kept[M1].message.reactions == {}
    decision = book.decide(edit("undead"), react(actor=ANA), delete())
    assert (decision.events, decision.refused, decision.effects.changed) == ([], [], [])
    assert book.state.kept[M1].message.payload is None


def test_hiding_a_message_concerns_one_member_alone() -> None:
    decision = Book().decide(submit(), delete(for_everyone=False, actor=BIA))
    assert decision.effects.hidden == [(M1, BIA)]
    assert decision.effects.changed == []
    [_, (_, event)] = decision.events
    assert isinstance(event, MessageDeleted)
    assert event.only_for == BIA


def test_changes_of_a_private_message_name_who_may_hear_of_them() -> None:
    events = Book().events(submit(to=(BIA,)), react(), delete())
    assert [event.readers for event in events[1:]] == [(ANA, BIA), (ANA, BIA)]


def test_what_is_not_here_cannot_be_changed() -> None:
    book = Book()
    book.decide(submit(conversation_id=THERE))
    refused = book.decide(edit("x"), delete(), react(), report(Status.SENT, M2)).refused
    assert [type(error) for _, error in refused] == [MessageNotFound] * 4


def test_a_reaction_is_given_and_taken_back_once() -> None:
    book = Book()
    given = book.events(submit(), react(), react(), react(actor=ANA))
    assert [type(event) for event in given] == [MessageAdded, ReactionChanged, ReactionChanged]
    assert book.state.kept[M1].message.reactions == {"👍": (BIA, ANA)}
    taken = book.events(react(removed=True), react(removed=True), react(removed=True, actor=ANA))
    assert len(taken) == 2
    assert book.state.kept[M1].message.reactions == {}


def test_a_cursor_moves_forward_only_and_never_past_the_end() -> None:
    book = Book()
    decision = book.decide(submit("a"), submit("b"), advance(1, 0), advance(99, 1), advance(1, 1))
    moves = [event for _, event in decision.events if isinstance(event, CursorMoved)]
    assert [(one.after.last_delivered_seq, one.after.last_read_seq) for one in moves] == [
        (1, 0),
        (2, 1),
    ]
    assert moves[1].before == moves[0].after
    assert [one.last_delivered_seq for one in decision.effects.cursors] == [2]
    assert book.events(advance(2, 99))[0].after.last_read_seq == 2


def test_reading_implies_receiving() -> None:
    [moved] = Book().events(submit("a"), advance(0, 1))[1:]
    assert (moved.after.last_delivered_seq, moved.after.last_read_seq) == (1, 1)


def test_a_status_moves_forward_and_takes_the_cursor_along() -> None:
    book = Book()
    steps = [Status.SENT, Status.SENT, Status.READ, Status.DELIVERED, Status.FAILED]
    decision = book.decide(submit(), *(report(status) for status in steps))
    told = [event.entry.status for _, event in decision.events if isinstance(event, StatusChanged)]
    assert told == [Status.SENT, Status.READ]
    [cursor] = decision.effects.cursors
    assert (cursor.user_id, cursor.last_delivered_seq, cursor.last_read_seq) == (BIA, 1, 1)


def test_a_failure_may_be_superseded_by_a_success() -> None:
    events = Book().events(submit(), report(Status.FAILED), report(Status.SENT))
    assert [event.entry.status for event in events[1:]] == [Status.FAILED, Status.SENT]
    assert all(event.sender == ANA for event in events[1:])


def test_a_change_of_the_conversation_is_told_with_whom_it_concerns() -> None:
    change = AnnounceChange(
        conversation_id=HERE, change="member_removed", actor=ANA, at=NOW, user_id=BIA
    )
    [event] = Book().events(change)
    assert isinstance(event, ConversationChanged)
    assert (event.change, event.user_id) == ("member_removed", BIA)


def test_a_replay_from_the_same_state_decides_the_same() -> None:
    commands: list[Command] = [submit("a"), submit(), edit("x"), react(), advance(9, 1), delete()]
    assert Book().decide(*commands) == Book().decide(*commands)


def test_several_changes_in_one_batch_leave_the_last_state() -> None:
    decision = Book().decide(submit(), edit("one"), react(), edit("two"))
    [changed] = decision.effects.changed
    assert changed == replace(changed, payload=text("two"), reactions={"👍": (BIA,)}, edited_at=NOW)


def test_nothing_of_a_batch_waits_for_the_garbage_collector() -> None:
    processor = Processor(Book().state)
    processor.decide([Placed(Position(0, 0), submit())])
    gone = weakref.ref(processor)
    gc.disable()
    try:
        del processor
        assert gone() is None
    finally:
        gc.enable()
