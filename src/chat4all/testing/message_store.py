"""What every `MessageStore` must do. Bind it in about ten lines: see tests/contract/."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from chat4all.domain.errors import StaleSequence
from chat4all.domain.events import Event
from chat4all.domain.ids import AccountId, ConversationId, MessageId, UserId, new_id
from chat4all.domain.messages import Message
from chat4all.domain.payload import Payload, PayloadType
from chat4all.domain.status import Failure, Status, StatusEntry
from chat4all.ports.message_store import Effects, Head, Kept
from chat4all.testing.message_storage import (
    ANNA,
    BERT,
    START,
    FullStore,
    MessageStorage,
    OpenStore,
    Talk,
    report,
)


async def everything(store: FullStore, talk: Talk) -> list[object]:
    """Return all that a reader can see of a conversation."""
    page: list[Message] = [*await store.page(talk.id, viewer=ANNA, limit=1000)]
    ids = [message.message_id for message in page]
    events: list[Event] = [*await store.changes([talk.id], after={}, limit=1000)]
    return [
        page,
        events,
        await store.page(talk.id, viewer=BERT, limit=1000),
        await store.heads([talk.id]),
        await store.find(ids),
        await store.conversation_cursors(talk.id),
        await store.statuses(ids),
        await store.counts(),
    ]


BOT, OTHER_BOT = AccountId(new_id()), AccountId(new_id())


class MessageStoreContract(MessageStorage):
    """Writing: all or nothing, once, in order, only forward."""

    tells_winners = True
    """Whether one whose effects are stored is never told `StaleSequence` all the same."""

    async def test_an_unknown_conversation_has_no_head(self, store: FullStore) -> None:
        assert await store.heads([ConversationId(new_id())]) == {}

    async def test_the_head_is_the_last_seq(self, store: FullStore) -> None:
        one, other = Talk(), Talk()
        await store.apply(one.many(3))
        await store.apply(other.many(1))
        expected = {one.id: Head(3), other.id: Head(1)}
        assert await store.heads([one.id, other.id, ConversationId(new_id())]) == expected

    async def test_a_conversation_known_only_by_a_cursor_has_no_head(
        self, store: FullStore
    ) -> None:
        talk = Talk()
        await store.apply(Effects(cursors=[talk.cursor(BERT, delivered=0)]))
        assert await store.heads([talk.id]) == {}

    async def test_what_was_added_is_found_by_id_among_many(self, store: FullStore) -> None:
        talk = Talk()
        effects = talk.many(40)
        await store.apply(effects)
        ids = [new.message.message_id for new in effects.added]
        unknown = [MessageId(new_id()) for _ in range(1200)]
        found = await store.find([*unknown[:600], *ids, *unknown[600:]])
        assert found == {
            new.message.message_id: Kept(new.message, new.digest, new.position)
            for new in effects.added
        }

    async def test_ids_of_any_form_are_kept_apart(self, store: FullStore) -> None:
        plain = "0195a000-0000-7000-8000-0000000000ff"
        forms = [plain, plain.upper(), "m1", "", plain.replace("-", " "), plain[1:] + "0"]
        forms.append("0195a0000000-7000-8000-0000000000-ff")
        talk = Talk()
        added = [talk.add(message_id=MessageId(form), reply_to=MessageId(form)) for form in forms]
        await store.apply(Effects(added=added))
        found = await store.find([MessageId(form) for form in forms])
        assert [found[MessageId(form)].message for form in forms] == [n.message for n in added]

    async def test_nothing_is_asked_and_nothing_is_found(self, store: FullStore) -> None:
        await store.apply(Effects())
        assert await store.find([]) == {}
        assert await store.heads([]) == {}
        assert await store.cursors([]) == {}
        assert await store.statuses([]) == []

    @pytest.mark.parametrize(
        "payload",
        [
            Payload(type=PayloadType.TEXT, text=""),
            Payload(type=PayloadType.TEXT, text="a\0b \U0001f468‍\U0001f469‍\U0001f467 \r\n é é ﷽"),
            Payload(type=PayloadType.TEXT, text="text", name="and a name"),
            Payload(type=PayloadType.IMAGE, file_id="f", caption="see\0this"),
            Payload(type=PayloadType.LOCATION, latitude=-0.1, longitude=179.999_999_9, name="X"),
            Payload(type=PayloadType.CONTACT, name="N", phone="+1", email="n@example.org"),
        ],
        ids=["empty", "odd characters", "named text", "image", "location", "contact"],
    )
    async def test_a_payload_comes_back_as_it_was(self, store: FullStore, payload: Payload) -> None:
        new = Talk().add(payload)
        await store.apply(Effects(added=[new]))
        found = await store.find([new.message.message_id])
        assert found[new.message.message_id].message == new.message

    async def test_every_field_of_a_message_comes_back(self, store: FullStore) -> None:
        new = Talk().add(
            "all",
            channel="telegram",
            to=(BERT, ANNA),
            reply_to=MessageId(new_id()),
            metadata={"a": [1, 2.5, None, {"b": "\0"}], "long": "x" * 5000},
            edited_at=START + timedelta(microseconds=1),
            deleted_at=START + timedelta(microseconds=2),
            reactions={"\U0001f44d": (BERT, ANNA), "❤️": (ANNA,)},
        )
        nobody = Talk().add("all", to=())
        await store.apply(Effects(added=[new, nobody]))
        for added in (new, nobody):
            id_ = added.message.message_id
            assert (await store.find([id_]))[id_].message == added.message
        [kept] = await store.page(new.message.conversation_id, viewer=BERT, limit=1)
        assert list(kept.reactions) == ["\U0001f44d", "❤️"]

    async def test_a_repeat_changes_nothing(self, store: FullStore, peer: FullStore) -> None:
        talk = Talk()
        effects = talk.many(3)
        first = effects.added[0].message
        effects.hidden.append((first.message_id, BERT))
        effects.cursors.append(talk.cursor(BERT, delivered=2, read=1))
        effects.statuses.append(report(first, Status.SENT))
        effects.journal.extend(talk.move(BERT, delivered=2, read=1).journal)
        await store.apply(effects)
        before = await everything(store, talk)
        await store.apply(effects)
        await peer.apply(effects)
        assert await everything(store, talk) == before
        assert await everything(peer, talk) == before

    async def test_a_repeat_does_not_undo_what_followed(self, store: FullStore) -> None:
        talk = Talk()
        added = talk.many(2)
        first, second = (new.message for new in added.added)
        edit, edit_again = talk.edit(first, "better"), talk.edit(first, "best", after=61)
        late_clock = talk.edit(second, "early"), talk.edit(second, "late", after=1)
        delete = talk.delete(second)
        every = [added, edit, edit_again, *late_clock, delete]
        for effects in every:
            await store.apply(effects)
        before = await everything(store, talk)
        for effects in every:
            await store.apply(effects)
            assert await everything(store, talk) == before

    async def test_the_last_of_two_edits_counts_whatever_the_clocks_say(
        self, store: FullStore
    ) -> None:
        talk = Talk()
        added = talk.many(1)
        message = added.added[0].message
        await store.apply(added)
        await store.apply(talk.edit(message, "first", after=60))
        await store.apply(talk.edit(message, "last", after=30))
        [kept] = await store.page(talk.id, viewer=ANNA, limit=1)
        assert kept.payload is not None
        assert kept.payload.text == "last"

    async def test_a_repeat_beside_something_new_keeps_the_new(self, store: FullStore) -> None:
        talk = Talk()
        effects = talk.many(2)
        await store.apply(effects)
        await store.apply(Effects(added=[*effects.added, talk.add("third")]))
        assert await store.heads([talk.id]) == {talk.id: Head(3)}

    @pytest.mark.parametrize("taken", ["seq", "id", "digest", "conversation"])
    async def test_what_is_taken_is_refused_and_nothing_of_it_is_stored(
        self, store: FullStore, taken: str
    ) -> None:
        talk, other = Talk(), Talk()
        await store.apply(talk.many(2))
        old = (await store.page(talk.id, viewer=ANNA, limit=1))[0]
        new = talk.add("clash")
        match taken:
            case "seq":
                clash = replace(new, message=replace(new.message, seq=2))
            case "id":
                clash = replace(new, message=replace(new.message, message_id=old.message_id))
            case "digest":
                clash = replace(new, message=old)
            case _:
                moved = replace(old, conversation_id=other.id)
                clash = replace(new, message=moved, digest=f"digest of {old.message_id}")
        effects = other.many(1)
        effects.added.append(clash)
        effects.added.append(talk.add("after the clash"))
        effects.cursors.append(talk.cursor(BERT, delivered=1))
        effects.journal.extend(talk.move(BERT, delivered=1).journal)
        before = await everything(store, talk)
        with pytest.raises(StaleSequence):
            await store.apply(effects)
        assert await everything(store, talk) == before
        assert await store.heads([other.id]) == {}

    async def test_two_messages_for_one_place_in_one_call_are_refused(
        self, store: FullStore
    ) -> None:
        talk = Talk()
        one = talk.add("one")
        talk.seq = 0
        with pytest.raises(StaleSequence):
            await store.apply(Effects(added=[one, talk.add("two")]))
        assert await store.heads([talk.id]) == {}

    async def test_of_two_peers_one_gets_the_place(self, store: FullStore, peer: FullStore) -> None:
        for _ in range(10):
            talk = Talk()
            mine = talk.many(3)
            talk.seq = 0
            theirs = talk.many(3)
            outcomes = await asyncio.gather(
                store.apply(mine), peer.apply(theirs), return_exceptions=True
            )
            kept = await store.page(talk.id, viewer=ANNA, limit=9)
            assert kept in [[new.message for new in one.added] for one in (mine, theirs)]
            won = 0 if kept[0] == mine.added[0].message else 1
            assert isinstance(outcomes[1 - won], StaleSequence), outcomes
            if self.tells_winners or outcomes[won] is not None:
                wanted = type(None) if self.tells_winners else StaleSequence
                assert isinstance(outcomes[won], wanted), outcomes
            assert await peer.page(talk.id, viewer=ANNA, limit=9) == kept

    async def test_a_refused_call_harms_no_other_made_at_the_same_time(
        self, store: FullStore
    ) -> None:
        talks = [Talk() for _ in range(30)]
        calls = [store.apply(talk.many(2)) for talk in talks]
        talks[7].seq = 1
        calls.append(store.apply(talks[7].many(1)))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [type(None)] * 30 + [StaleSequence]
        heads = await store.heads([talk.id for talk in talks])
        assert set(heads.values()) == {Head(2)}
        assert len(heads) == 30
        # Also what the refused call named for the first time can be named again.
        fresh = Talk()
        clash = replace(talks[7].add("x"), message=replace(talks[7].add("y").message, seq=1))
        with pytest.raises(StaleSequence):
            await store.apply(Effects(added=[fresh.add("a"), clash]))
        fresh.seq = 0
        await store.apply(fresh.many(1, sender=UserId(new_id())))
        assert [m.seq for m in await store.page(fresh.id, viewer=ANNA, limit=9)] == [1]
        assert [m.seq for m in await store.page(talks[7].id, viewer=ANNA, limit=9)] == [1, 2]

    async def test_a_read_sees_what_was_called_before_it(self, store: FullStore) -> None:
        talk = Talk()
        for seq in range(1, 20):
            task = asyncio.ensure_future(store.apply(talk.many(1)))
            await asyncio.sleep(0)
            assert await store.heads([talk.id]) == {talk.id: Head(seq)}
            await task

    async def test_a_caller_that_goes_away_leaves_no_hole(self, store: FullStore) -> None:
        talk = Talk()
        many = 3_000  # so that storing them takes longer than going away
        task = asyncio.ensure_future(store.apply(talk.many(many)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await store.heads([talk.id]) == {talk.id: Head(many)}

    async def test_everything_outlives_the_object(self, opened: OpenStore) -> None:
        talk = Talk()
        async with opened() as store:
            effects = talk.many(5)
            message = effects.added[0].message
            effects.statuses.append(report(message, Status.SENT))
            effects.hidden.append((message.message_id, BERT))
            await store.apply(effects)
            await store.apply(talk.move(BERT, delivered=4, read=2))
            await store.apply(talk.edit(message, "edited"))
            before = await everything(store, talk)
        async with opened() as store:
            assert await everything(store, talk) == before
            found = await store.search("edited", conversations=[talk.id], viewer=ANNA, limit=5)
            assert [one.seq for one in found] == [1]

    async def test_cursors_only_move_forward(self, store: FullStore) -> None:
        talk = Talk()
        await store.apply(talk.many(9))
        member = (talk.id, BERT)
        assert await store.cursors([member]) == {}
        far = talk.cursor(BERT, delivered=6, read=4)
        await store.apply(Effects(cursors=[far]))
        await store.apply(Effects(cursors=[talk.cursor(BERT, delivered=3, read=2)]))
        assert await store.cursors([member, (talk.id, ANNA)]) == {member: far}
        await store.apply(Effects(cursors=[talk.cursor(BERT, delivered=9, read=1)]))
        cursor = (await store.cursors([member]))[member]
        assert (cursor.last_delivered_seq, cursor.last_read_seq) == (9, 4)

    async def test_a_change_of_an_unknown_message_is_nothing(self, store: FullStore) -> None:
        talk = Talk()
        unknown = talk.add().message
        await store.apply(talk.edit(unknown, "x"))
        await store.apply(Effects(hidden=[(unknown.message_id, BERT)]))
        assert await store.find([unknown.message_id]) == {}

    async def test_statuses_only_move_forward(self, store: FullStore) -> None:
        talk = Talk()
        added = talk.many(1)
        message = added.added[0].message
        failure = Failure(code="blocked", text="no", platform_error={"code": 403, "x": [None]})
        steps = [
            (report(message, Status.ACCEPTED), True),
            (report(message, Status.FAILED, error=failure), True),
            (report(message, Status.ACCEPTED, at=START), True),
            (report(message, Status.SENT, external_id="17", address="c", note="as text"), True),
            (report(message, Status.ACCEPTED, note="too late"), False),
            (report(message, Status.SENT, note="again"), False),
            (report(message, Status.READ), True),
            (report(message, Status.DELIVERED), False),
            (report(message, Status.FAILED, note="no more"), False),
            (report(message, Status.SENT, channel="whatsapp"), True),
            (report(message, Status.SENT, user_id=ANNA), True),
        ]
        await store.apply(Effects(added=added.added, statuses=[entry for entry, _ in steps[:3]]))
        for entry, _ in steps[3:]:
            await store.apply(Effects(statuses=[entry]))
        expected = [entry for entry, counts in steps if counts]
        assert await store.statuses([message.message_id]) == expected
        await store.apply(Effects(statuses=[entry for entry, _ in steps]))
        assert await store.statuses([message.message_id]) == expected

    async def test_a_repeated_failure_does_not_end_the_try_that_followed(
        self, store: FullStore
    ) -> None:
        message = Talk().add().message
        steps = [report(message, status) for status in (Status.FAILED, Status.SENT)]
        for _ in range(2):
            await store.apply(Effects(statuses=steps))
            assert await store.statuses([message.message_id]) == steps
        later = report(message, Status.FAILED, at=START + timedelta(hours=1))
        await store.apply(Effects(statuses=[later]))
        assert await store.statuses([message.message_id]) == [*steps, later]

    async def test_a_platform_id_leads_to_the_entry_that_was_sent(self, store: FullStore) -> None:
        talk = Talk()
        messages = [new.message for new in talk.many(3).added]

        def known(message: Message, status: Status, address: str) -> StatusEntry:
            return report(message, status, external_id="17", address=address, account_id=BOT)

        sent, elsewhere = (
            known(messages[0], Status.SENT, "chat 1"),
            known(messages[1], Status.SENT, "chat 2"),
        )
        await store.apply(Effects(statuses=[sent, elsewhere]))
        await store.apply(Effects(statuses=[known(messages[0], Status.READ, "chat 1")]))
        assert await store.status_of(BOT, "chat 1", "17") == sent
        assert await store.status_of(BOT, "chat 2", "17") == elsewhere
        await store.apply(Effects(statuses=[known(messages[2], Status.FAILED, "chat 3")]))
        assert await store.status_of(BOT, "chat 3", "17") is None
        assert await store.status_of(BOT, "chat 1", "18") is None
        assert await store.status_of(OTHER_BOT, "chat 1", "17") is None
