"""What every directory promises about messages that are to be sent later."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from chat4all.domain.drafts import Draft
from chat4all.domain.errors import Conflict
from chat4all.domain.failover import Deadlines
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.payload import Payload, PayloadType, text
from chat4all.domain.scheduled import ScheduledMessage, ScheduleState, Waiting
from chat4all.ports.directory import Directory
from chat4all.testing.directory_examples import minutes

ANA = UserId("ana")
MANY = 100


def later(
    name: str, *, at: float = 10, talk: str = "talk", sender: str = "ana", created: float = 0
) -> ScheduledMessage:
    """Make a message that is due at a minute."""
    return ScheduledMessage(
        message_id=MessageId(name),
        sender=UserId(sender),
        draft=Draft(
            message_id=MessageId(name),
            conversation_id=ConversationId(talk),
            payload=text(f"the words of {name}"),
        ),
        send_at=minutes(at),
        digest=f"digest of {name}",
        created_at=minutes(created),
        updated_at=minutes(created),
    )


def rich(name: str = "rich") -> ScheduledMessage:
    """Make one that has everything a message can have."""
    plain = later(name)
    draft = replace(
        plain.draft,
        payload=Payload(
            type=PayloadType.TEMPLATE, name="hello", language="pt_BR", parameters=("Ana", "ã")
        ),
        to=(UserId("bia"), UserId("caio")),
        channels=("whatsapp", "app"),
        reply_to=MessageId("earlier"),
        metadata={"z": [1, 2.5, None], "a": {"b": True}},
        failover=Deadlines(deliver_within=60.0),
    )
    return replace(plain, draft=draft, zone="Europe/Lisbon", actor=UserId("robot"))


async def keep(directory: Directory, *messages: ScheduledMessage) -> None:
    """Keep some."""
    for one in messages:
        await directory.scheduled.add(one, most=MANY)


async def due(directory: Directory, at: float, **which: Any) -> list[str]:
    """Return what is due at a minute."""
    found = await directory.scheduled_work.due(minutes(at), **{"limit": MANY, **which})
    return [one.message_id for one in found]


async def page(directory: Directory, **which: Any) -> list[str]:
    """Return what Ana has scheduled."""
    found = await directory.scheduled.page(ANA, **{"limit": MANY, **which})
    return [one.message_id for one in found]


class ScheduledMessagesContract:
    """What users have scheduled."""

    async def test_a_scheduled_message_comes_back_as_it_was_added(
        self, directory: Directory, peer: Directory
    ) -> None:
        for one in (rich(), later("plain")):
            assert await directory.scheduled.add(one, most=MANY) == one
            assert await peer.scheduled.get(one.message_id) == one
        assert await peer.scheduled.get(MessageId("unknown")) is None

    async def test_one_that_is_added_again_stays_as_it_is(
        self, directory: Directory, peer: Directory
    ) -> None:
        await keep(directory, rich())
        for other in (later("rich", at=99), later("rich", sender="bia")):
            assert await peer.scheduled.add(other, most=MANY) == rich()
        assert await directory.scheduled.get(MessageId("rich")) == rich()

    async def test_of_one_sender_only_so_many_wait(
        self, directory: Directory, peer: Directory
    ) -> None:
        await keep(directory, later("one"), later("two"), later("hers", sender="bia"))
        with pytest.raises(Conflict):
            await peer.scheduled.add(later("three"), most=2)
        assert await peer.scheduled.add(later("one"), most=2) == later("one")
        assert await peer.scheduled.get(MessageId("three")) is None
        assert await directory.scheduled.change(later("one").cancelled())
        await peer.scheduled.add(later("three"), most=2)
        assert await directory.scheduled.change(later("two").began(minutes(1)))
        with pytest.raises(Conflict):
            await peer.scheduled.add(later("four"), most=2)

    async def test_a_change_is_kept_with_all_that_was_changed(
        self, directory: Directory, peer: Directory
    ) -> None:
        await keep(directory, later("plain"))
        changed = replace(
            later("plain"),
            draft=replace(rich().draft, message_id=MessageId("plain")),
            send_at=minutes(30),
            zone="America/Sao_Paulo",
            actor=UserId("robot"),
            updated_at=minutes(3),
        )
        for step in (
            changed,
            changed.began(minutes(31)),
            changed.began(minutes(31)).failed("conversation_not_found", "you left it"),
            changed.began(minutes(31)).sent(minutes(32)),
        ):
            kept = await directory.scheduled.get(MessageId("plain"))
            assert kept is not None
            assert await directory.scheduled.change(replace(step, version=kept.version))
            found = await peer.scheduled.get(MessageId("plain"))
            assert found == replace(step, version=kept.version + 1)

    async def test_of_two_who_change_the_same_one_succeeds(
        self, directory: Directory, peer: Directory
    ) -> None:
        await keep(directory, later("one"))
        outcomes = await asyncio.gather(
            directory.scheduled.change(later("one").cancelled()),
            peer.scheduled.change(later("one").began(minutes(10))),
        )
        assert sorted(outcomes) == [False, True]
        kept = await peer.scheduled.get(MessageId("one"))
        assert kept is not None
        won = ScheduleState.CANCELLED if outcomes[0] else ScheduleState.SENDING
        assert (kept.state, kept.version) == (won, 2)
        assert await directory.scheduled.change(later("unknown")) is False

    async def test_a_page_has_those_of_one_sender_by_their_time(
        self, directory: Directory, peer: Directory
    ) -> None:
        await keep(
            directory,
            later("c", at=3),
            later("b2", at=2),
            later("b1", at=2, created=1),
            later("a", at=9),
            later("hers", at=1, sender="bia"),
        )
        assert await page(peer) == ["b1", "b2", "c", "a"]
        assert await page(peer, limit=2) == ["b1", "b2"]
        assert await page(peer, after=(minutes(2), MessageId("b1"))) == ["b2", "c", "a"]
        assert await page(peer, after=(minutes(3), MessageId("a")), limit=1) == ["c"]
        assert await page(peer, after=(minutes(9), MessageId("a"))) == []

    async def test_a_page_can_be_of_one_state(self, directory: Directory, peer: Directory) -> None:
        await keep(directory, later("one", at=1), later("two", at=2), later("three", at=3))
        await directory.scheduled.change(later("two", at=2).cancelled())
        assert await page(peer, state=ScheduleState.SCHEDULED) == ["one", "three"]
        assert await page(peer, state=ScheduleState.CANCELLED) == ["two"]
        assert await page(peer, state=ScheduleState.SENT) == []
        found = await page(
            peer, state=ScheduleState.SCHEDULED, after=(minutes(1), MessageId("one"))
        )
        assert found == ["three"]


class ScheduledWorkContract:
    """Scheduled messages as work."""

    async def test_what_waits_is_due_from_its_time_on_in_the_order_of_time(
        self, directory: Directory, peer: Directory
    ) -> None:
        await keep(
            directory,
            later("late", at=5),
            later("second", at=2, created=2),
            later("third", at=2, created=3),
            later("first", at=1, talk="other"),
        )
        assert await due(peer, 0.9) == []
        assert await due(peer, 2) == ["first", "second", "third"]
        assert await due(peer, 60) == ["first", "second", "third", "late"]
        assert await due(peer, 60, limit=2) == ["first", "second"]

    async def test_conversations_can_be_left_out(
        self, directory: Directory, peer: Directory
    ) -> None:
        await keep(directory, later("one"), later("two", talk="other"), later("three", talk="x"))
        left_out = [ConversationId("talk"), ConversationId("x"), ConversationId("unknown")]
        assert await due(peer, 10, without=left_out) == ["two"]

    async def test_what_is_being_sent_is_due_until_it_has_ended(
        self, directory: Directory, peer: Directory
    ) -> None:
        await keep(directory, later("one"), later("two"), later("three"), later("four"))
        await directory.scheduled.change(later("one").began(minutes(10)))
        await directory.scheduled.change(later("two").sent(minutes(10)))
        await directory.scheduled.change(later("three").failed("x", "y"))
        await directory.scheduled.change(later("four").cancelled())
        [found] = await peer.scheduled_work.due(minutes(10), limit=MANY)
        assert found == replace(later("one").began(minutes(10)), version=2)

    async def test_one_whose_time_was_changed_is_due_then(
        self, directory: Directory, peer: Directory
    ) -> None:
        await keep(directory, later("one", at=1))
        await directory.scheduled.change(replace(later("one"), send_at=minutes(7)))
        assert await due(peer, 6.9) == []
        assert await due(peer, 7) == ["one"]

    async def test_it_is_told_how_many_wait_and_since_when(
        self, directory: Directory, peer: Directory
    ) -> None:
        assert await peer.scheduled_work.waiting(minutes(9)) == Waiting()
        await keep(directory, later("one", at=4), later("two", at=5), later("three", at=3))
        await directory.scheduled.change(later("three", at=3).cancelled())
        assert await peer.scheduled_work.waiting(minutes(3)) == Waiting(count=2)
        expected = Waiting(count=2, due_since=minutes(4))
        assert await peer.scheduled_work.waiting(minutes(9)) == expected

    async def test_what_has_ended_long_ago_is_found_and_forgotten_and_nothing_else(
        self, directory: Directory, peer: Directory
    ) -> None:
        await keep(directory, *(later(name) for name in ("sent", "failed", "lately", "waits")))
        for minute, change in (
            (2, later("failed").failed("x", "y")),
            (1, later("sent").sent(minutes(1))),
            (9, later("lately").cancelled()),
            (1, later("waits").began(minutes(1))),
        ):
            assert await directory.scheduled.change(replace(change, updated_at=minutes(minute)))
        old = await peer.scheduled_work.ended(minutes(9), limit=MANY)
        assert [one.message_id for one in old] == ["sent", "failed"]
        first = await peer.scheduled_work.ended(minutes(9), limit=1)
        assert [one.message_id for one in first] == ["sent"]
        names = [MessageId(one) for one in ("sent", "failed", "waits", "unknown")]
        await directory.scheduled_work.forget(names)
        await directory.scheduled_work.forget([])
        assert await page(peer) == ["lately", "waits"]
