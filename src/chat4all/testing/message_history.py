"""What every `MessageHistory` and `SupportsMoments` must do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chat4all.domain.events import (
    ConversationChanged,
    Event,
    MessageAdded,
    MessageDeleted,
    Position,
    ReactionChanged,
    StatusChanged,
)
from chat4all.domain.ids import ConversationId, MessageId, new_id
from chat4all.domain.status import Status
from chat4all.ports.message_store import Effects
from chat4all.testing.message_storage import (
    ANNA,
    BERT,
    START,
    FullStore,
    MessageStorage,
    Talk,
    report,
)


async def sync(
    store: FullStore, talks: list[Talk], after: dict[int, int], limit: int
) -> list[Event]:
    """Return all changes, read page by page as a client does."""
    names = [talk.id for talk in talks]
    events: list[Event] = []
    offsets = dict(after)
    while page := await store.changes(names, after=offsets, limit=limit):
        assert len(page) <= limit
        assert page[0] not in events
        events.extend(page)
        offsets.update((e.position.partition, e.position.offset) for e in page)
    return events


class MessageHistoryContract(MessageStorage):
    """Reading: pages, summaries, cursors, changes, moments."""

    @pytest.mark.parametrize(
        ("after", "before", "limit", "seqs"),
        [
            (None, None, 3, [8, 9, 10]),
            (None, None, 99, [1, 2, 4, 5, 6, 7, 8, 9, 10]),
            (0, None, 3, [1, 2, 4]),
            (2, None, 2, [4, 5]),
            (10, None, 5, []),
            (None, 6, 3, [2, 4, 5]),
            (None, 1, 3, []),
            (1, 6, 2, [2, 4]),
            (1, 6, 99, [2, 4, 5]),
            (5, 6, 9, []),
            (6, 2, 9, []),
            (None, None, 0, []),
            (0, None, 0, []),
        ],
    )
    async def test_a_page_is_the_window_asked_for(
        self,
        store: FullStore,
        after: int | None,
        before: int | None,
        limit: int,
        seqs: list[int],
    ) -> None:
        talk = Talk()
        effects = talk.many(10)
        effects.hidden.append((effects.added[2].message.message_id, BERT))
        await store.apply(effects)
        await store.apply(Talk().many(4))
        page = await store.page(
            talk.id, viewer=BERT, after_seq=after, before_seq=before, limit=limit
        )
        assert [message.seq for message in page] == seqs
        assert all(message.conversation_id == talk.id for message in page)

    async def test_hidden_is_hidden_from_one_member_only(self, store: FullStore) -> None:
        talk = Talk()
        effects = talk.many(2)
        effects.hidden.append((effects.added[1].message.message_id, BERT))
        await store.apply(effects)
        assert len(await store.page(talk.id, viewer=ANNA, limit=9)) == 2
        assert len(await store.page(talk.id, viewer=BERT, limit=9)) == 1

    async def test_an_unknown_conversation_is_empty(self, store: FullStore) -> None:
        unknown = ConversationId(new_id())
        assert await store.page(unknown, viewer=ANNA, limit=9) == []
        assert await store.summaries(ANNA, [unknown]) == {}
        assert await store.conversation_cursors(unknown) == []
        assert await store.changes([unknown], after={}, limit=9) == []
        assert await store.cursor_history(unknown, covering_seq=1) == []
        assert await store.journal_of(MessageId(new_id())) == []

    async def test_a_summary_counts_what_others_wrote_since(self, store: FullStore) -> None:
        talk, silent = Talk(), Talk()
        effects = talk.many(4)
        effects.added.extend(talk.many(3, sender=BERT).added)
        last = effects.added[-1].message
        effects.cursors.append(talk.cursor(BERT, delivered=3, read=1))
        await store.apply(effects)
        summaries = await store.summaries(BERT, [talk.id, silent.id])
        assert list(summaries) == [talk.id]
        found = summaries[talk.id]
        assert (found.max_seq, found.unread, found.last_message) == (7, 3, last)
        assert found.last_activity == last.created_at
        assert (await store.summaries(ANNA, [talk.id]))[talk.id].unread == 3
        stranger = await store.summaries(type(BERT)(new_id()), [talk.id])
        assert stranger[talk.id].unread == 7

    async def test_a_summary_counts_no_further_than_a_thousand(self, store: FullStore) -> None:
        talk = Talk()
        await store.apply(talk.many(1_003))
        assert (await store.summaries(BERT, [talk.id]))[talk.id].unread == 1_000
        await store.apply(Effects(cursors=[talk.cursor(BERT, delivered=5, read=5)]))
        assert (await store.summaries(BERT, [talk.id]))[talk.id].unread == 998

    async def test_a_summary_shows_the_last_message_that_is_not_hidden(
        self, store: FullStore
    ) -> None:
        talk = Talk()
        effects = talk.many(2)
        first, second = (new.message for new in effects.added)
        effects.hidden.append((second.message_id, BERT))
        await store.apply(effects)
        found = (await store.summaries(BERT, [talk.id]))[talk.id]
        assert (found.max_seq, found.last_message) == (2, first)
        assert found.last_activity == second.created_at
        await store.apply(Effects(hidden=[(first.message_id, BERT)]))
        assert (await store.summaries(BERT, [talk.id]))[talk.id].last_message is None

    async def test_the_cursors_of_a_conversation(self, store: FullStore) -> None:
        talk = Talk()
        cursors = [talk.cursor(ANNA, delivered=2, read=2), talk.cursor(BERT, delivered=1)]
        cursors[1] = replace(cursors[1], updated_at=None)
        await store.apply(Effects(cursors=cursors))
        await store.apply(Effects(cursors=[Talk().cursor(BERT, delivered=1)]))
        assert await store.conversation_cursors(talk.id) == cursors

    async def test_statuses_come_oldest_first(self, store: FullStore) -> None:
        talk = Talk()
        one, other, third = (new.message for new in talk.many(3).added)
        entries = [
            report(other, Status.SENT),
            report(one, Status.SENT, user_id=ANNA),
            report(other, Status.READ),
            report(one, Status.SENT),
        ]
        for entry in entries:
            await store.apply(Effects(statuses=[entry]))
        await store.apply(Effects(statuses=[report(third, Status.SENT)]))
        assert await store.statuses([one.message_id, other.message_id]) == entries

    async def test_changes_come_in_the_order_of_the_log_page_by_page(
        self, store: FullStore
    ) -> None:
        talks = [Talk(partition=partition) for partition in (0, 0, 1, 2)]
        stranger = Talk()
        expected: list[Event] = []
        for turn in range(40):
            talk = talks[turn * 7 % 4]
            effects = talk.many(1)
            new = effects.added[0]
            expected.append(MessageAdded(position=new.position, message=new.message))
            if turn % 3 == 0:
                moved = talk.move(BERT, delivered=talk.seq, read=talk.seq)
                effects.cursors, effects.journal = moved.cursors, moved.journal
                expected.extend(moved.journal)
            await store.apply(effects)
            await store.apply(stranger.many(1))
        expected.sort(key=lambda event: event.position)
        for limit in (1, 3, 1000):
            assert await sync(store, talks, {}, limit) == expected
        middle = [event for event in expected if event.position.partition == 0][7].position
        after = {0: middle.offset}
        later = [
            event for event in expected if event.position.partition != 0 or event.position > middle
        ]
        assert await sync(store, talks, after, 4) == later
        assert await store.changes([talks[0].id], after={}, limit=0) == []

    async def test_the_first_change_after_any_position_is_found(self, store: FullStore) -> None:
        talk, other = Talk(), Talk()
        positions: list[Position] = []
        for _ in range(23):
            effects = talk.many(1)
            effects.added.extend(other.many(2).added)
            positions.append(effects.added[0].position)
            await store.apply(effects)
        for number, position in enumerate(positions):
            for offset, first in ((position.offset - 1, number), (position.offset, number + 1)):
                found = await store.changes([talk.id], after={0: offset}, limit=100)
                assert [event.position for event in found] == positions[first:]

    async def test_an_added_message_is_told_as_it_is_now(self, store: FullStore) -> None:
        talk = Talk()
        added = talk.many(1)
        message = added.added[0].message
        edit = talk.edit(message, "as it is now")
        await store.apply(added)
        await store.apply(edit)
        assert await store.changes([talk.id], after={}, limit=9) == [
            MessageAdded(position=added.added[0].position, message=edit.changed[0]),
            edit.journal[0],
        ]

    async def test_every_kind_of_event_comes_back(self, store: FullStore) -> None:
        talk = Talk()
        added = talk.many(1)
        message = added.added[0].message
        entry = report(message, Status.SENT, external_id="1", address="a", note="n")
        where: dict[str, Any] = {"conversation_id": talk.id, "message_id": message.message_id}
        about: list[Event] = [
            talk.edit(message, "x\0").journal[0],
            MessageDeleted(
                position=talk.next_position(), seq=1, actor=ANNA, at=START, only_for=BERT, **where
            ),
            ReactionChanged(
                position=talk.next_position(),
                user_id=BERT,
                emoji="❤️",
                removed=True,
                at=START,
                **where,
            ),
            StatusChanged(position=talk.next_position(), entry=entry, sender=ANNA),
        ]
        moved = talk.move(BERT, delivered=2, before=talk.cursor(BERT, delivered=1)).journal[0]
        changed = ConversationChanged(
            position=talk.next_position(),
            conversation_id=talk.id,
            change="member_added",
            actor=ANNA,
            at=START,
            user_id=BERT,
        )
        added.journal = [*about, moved, changed]
        await store.apply(added)
        assert (await store.changes([talk.id], after={}, limit=99))[1:] == added.journal
        assert await store.journal_of(message.message_id) == about

    async def test_the_history_of_cursors_tells_who_covered_a_message_first(
        self, store: FullStore
    ) -> None:
        talk = Talk()
        await store.apply(talk.many(5))
        moves = [
            talk.move(ANNA, delivered=1),
            talk.move(BERT, delivered=3),
            talk.move(ANNA, delivered=3, read=3),
            talk.move(ANNA, delivered=4, read=4),
            talk.move(BERT, delivered=4, read=2),
            talk.move(BERT, delivered=5, read=3),
            talk.move(BERT, delivered=5, read=5),
        ]
        for move in moves:
            await store.apply(move)
        anna_both, bert_received, bert_read = (moves[n].cursors[0] for n in (2, 1, 5))
        history = await store.cursor_history(talk.id, covering_seq=3)
        assert history == [bert_received, anna_both, bert_read]
        assert await store.cursor_history(talk.id, covering_seq=6) == []
