"""What every `Integrity` must find, and what it must not."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable
from typing import Protocol

import pytest

from chat4all.domain.ids import ConversationId, MessageId
from chat4all.domain.messages import Cursor
from chat4all.domain.status import Status
from chat4all.ports.integrity import Finding
from chat4all.ports.message_store import Effects
from chat4all.services.audit.cursors import CursorsCourse
from chat4all.services.audit.numbers import NumbersCourse
from chat4all.services.audit.whole_check import findings_of, stored_findings
from chat4all.testing.message_storage import (
    ANNA,
    BERT,
    FullStore,
    MessageStorage,
    OpenStore,
    Talk,
    report,
)


class Corruption(Protocol):
    """Breaks the promises behind a store's back, on the storage itself."""

    def remove(self, message: MessageId) -> Awaitable[None]:
        """Take a message away."""
        ...

    def repeat(self, message: MessageId, conversation: ConversationId, seq: int) -> Awaitable[None]:
        """Store a message a second time, at this place."""
        ...

    def set_cursor(self, cursor: Cursor) -> Awaitable[None]:
        """Put a cursor in place of the one there is."""
        ...


async def findings(store: FullStore) -> list[Finding]:
    """Return all findings."""
    return [finding async for finding in stored_findings(store)]


class IntegrityContract(MessageStorage):
    """Proving the promises on what is stored."""

    @pytest.fixture
    @abstractmethod
    def corrupt(self) -> Corruption:
        """Return what breaks the promises on the storage of the test."""

    async def test_nothing_is_found_where_nothing_is_wrong(self, store: FullStore) -> None:
        assert await findings(store) == []
        assert set((await store.counts()).values()) == {0}
        talk, other = Talk(), Talk()
        effects = talk.many(5)
        effects.statuses.append(report(effects.added[0].message, Status.SENT))
        effects.cursors.append(talk.cursor(ANNA, delivered=5, read=5))
        await store.apply(effects)
        await store.apply(other.many(1))
        assert await findings(store) == []
        assert await store.counts() == {
            "conversations": 2,
            "messages": 6,
            "cursors": 1,
            "statuses": 1,
        }

    async def test_everything_of_which_something_is_kept_is_listed(self, store: FullStore) -> None:
        talks = [Talk() for _ in range(5)]
        for talk in talks[:3]:
            await store.apply(talk.many(2))
        await store.apply(talks[0].move(BERT, delivered=1))
        await store.apply(talks[3].announce())
        listed = [name async for name in store.conversations()]
        assert listed == sorted(talk.id for talk in talks[:4])

    async def test_a_copy_is_unfinished_until_it_is_ended(self, opened: OpenStore) -> None:
        for unfinished in (False, True, True, False, False):
            async with opened() as store:
                await store.set_unfinished(unfinished)
            async with opened() as peer:
                assert await peer.is_unfinished() is unfinished

    @pytest.mark.parametrize("seq", [1, 3])
    async def test_a_gap_is_found(self, store: FullStore, corrupt: Corruption, seq: int) -> None:
        talk, sound = Talk(), Talk()
        effects = talk.many(5)
        await store.apply(effects)
        await store.apply(sound.many(5))
        await corrupt.remove(effects.added[seq - 1].message.message_id)
        [finding] = await findings(store)
        assert (finding.check, finding.conversation_id) == ("sequence_gap", talk.id)
        assert f"seq {seq} is missing" in finding.detail

    async def test_a_repeated_message_is_found(self, store: FullStore, corrupt: Corruption) -> None:
        talk = Talk()
        effects = talk.many(2)
        await store.apply(effects)
        message = effects.added[0].message.message_id
        await corrupt.repeat(message, talk.id, 3)
        [finding] = await findings(store)
        assert (finding.check, finding.conversation_id) == ("duplicate_message_id", talk.id)
        assert message in finding.detail

    @pytest.mark.parametrize(("delivered", "read"), [(6, 2), (2, 3)])
    async def test_a_cursor_that_cannot_be_is_found(
        self, store: FullStore, corrupt: Corruption, delivered: int, read: int
    ) -> None:
        talk = Talk()
        effects = talk.many(5)
        effects.cursors.append(talk.cursor(BERT, delivered=1, read=1))
        await store.apply(effects)
        await corrupt.set_cursor(talk.cursor(BERT, delivered=delivered, read=read))
        [finding] = await findings(store)
        assert (finding.check, finding.conversation_id) == ("cursor_mismatch", talk.id)
        assert BERT in finding.detail

    async def test_it_looks_while_others_write(self, store: FullStore, peer: FullStore) -> None:
        talk = Talk()
        await store.apply(talk.many(50))
        await store.apply(talk.move(BERT, delivered=50))

        async def write() -> None:
            for _ in range(30):
                await peer.apply(talk.many(1))
                await peer.apply(talk.move(BERT, delivered=talk.seq))

        writing = asyncio.ensure_future(write())
        while not writing.done():
            assert await findings(store) == []
            await asyncio.sleep(0)
        await writing
        assert (await store.counts())["messages"] == 80

    async def test_small_steps_find_what_one_look_does(
        self, store: FullStore, corrupt: Corruption
    ) -> None:
        talks = [Talk() for _ in range(3)]
        for talk in talks:
            effects = talk.many(7)
            effects.cursors += [talk.cursor(who, delivered=5, read=4) for who in (ANNA, BERT)]
            await store.apply(effects)
            await corrupt.remove(effects.added[2].message.message_id)
        expected = await findings(store)
        assert len(expected) == 3
        for course, count in ((NumbersCourse(store), 3), (CursorsCourse(store), 0)):
            for at_once in (1, 4, 6):
                found = [one async for one in findings_of(course, at_once=at_once)]
                assert len(found) == count
                assert all(one in expected for one in found)

    async def test_a_place_that_is_gone_since_the_last_step_is_a_gap(
        self, store: FullStore, corrupt: Corruption
    ) -> None:
        talk = Talk()
        effects = talk.many(9)
        await store.apply(effects)
        course = NumbersCourse(store)
        step = await course.step(None, 4)
        assert (step.looked, step.over, step.findings) == (4, False, [])
        await corrupt.remove(effects.added[3].message.message_id)
        step = await course.step(step.place, 4)
        [finding] = step.findings
        assert "seq 4 is missing" in finding.detail

    async def test_statuses_come_in_turn_and_new_ones_at_the_end(self, store: FullStore) -> None:
        talk = Talk()
        effects = talk.many(3)
        messages = [one.message for one in effects.added]
        effects.statuses += [report(one, Status.ACCEPTED) for one in messages]
        await store.apply(effects)
        first = await store.statuses_after(token="", limit=2)
        await store.apply(Effects(statuses=[report(messages[0], Status.SENT)]))
        rest = await store.statuses_after(token=first[-1].token, limit=10)
        entries = [one.entry for one in (*first, *rest)]
        assert sorted(one.message_id for one in entries[:3]) == [one.message_id for one in messages]
        assert entries[3] == report(messages[0], Status.SENT)
        assert await store.statuses_after(token=rest[-1].token, limit=10) == []

    async def test_what_the_auditor_knows_is_kept(
        self, store: FullStore, opened: OpenStore
    ) -> None:
        assert await store.read_notes() is None
        await store.write_notes(b'{"a": 1}')
        await store.write_notes('{"b": "ç"}'.encode())
        async with opened() as again:
            assert await again.read_notes() == '{"b": "ç"}'.encode()
