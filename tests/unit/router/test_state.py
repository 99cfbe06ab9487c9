"""What the router remembers between batches."""

from __future__ import annotations

from chat4all.adapters.memory.message_store import MemoryMessageStore
from chat4all.domain.commands import AdvanceCursor, AnnounceChange, Command
from chat4all.domain.ids import UserId
from chat4all.ports.message_store import Effects
from chat4all.router.state import Known, Recent
from chat4all.testing.message_storage import START, Talk

BIA = UserId("bia")


def advance(talk: Talk, user: UserId = BIA) -> AdvanceCursor:
    return AdvanceCursor(
        conversation_id=talk.id, user_id=user, delivered_seq=1, read_seq=0, at=START
    )


def test_what_was_used_longest_ago_is_forgotten() -> None:
    recent: Recent[str, int] = Recent(2)
    recent["a"], recent["b"] = 1, 2
    assert recent["a"] == 1
    recent["c"] = 3
    assert [name in recent for name in "abc"] == [True, False, True]
    recent.forget(["a", "unknown"])
    assert "a" not in recent


async def test_heads_and_cursors_are_read_once_and_again_after_forget() -> None:
    store, talk = MemoryMessageStore(), Talk()
    await store.apply(talk.many(3))
    known = Known(store)
    batch: list[Command] = [advance(talk)]
    assert (await known.snapshot(batch)).heads == {talk.id: 3}
    await store.apply(talk.many(1))
    await store.apply(talk.move(BIA, delivered=2))
    kept = await known.snapshot(batch)
    assert kept.heads == {talk.id: 3}
    assert kept.cursors[talk.id, BIA].last_delivered_seq == 0
    known.forget(batch)
    fresh = await known.snapshot(batch)
    assert fresh.heads == {talk.id: 4}
    assert fresh.cursors[talk.id, BIA].last_delivered_seq == 2


async def test_a_decision_that_was_not_stored_leaves_no_trace() -> None:
    store, talk = MemoryMessageStore(), Talk()
    known = Known(store)
    batch: list[Command] = [advance(talk)]
    snapshot = await known.snapshot(batch)
    snapshot.heads[talk.id] = 7
    assert (await known.snapshot(batch)).heads == {talk.id: 0}
    known.remember(snapshot)
    assert (await known.snapshot(batch)).heads == {talk.id: 7}


async def test_a_batch_larger_than_what_is_remembered_is_still_known_completely() -> None:
    store, talks = MemoryMessageStore(), [Talk() for _ in range(5)]
    for talk in talks:
        await store.apply(talk.many(2))
    known = Known(store, size=2)
    await known.snapshot([advance(talks[4])])
    snapshot = await known.snapshot([advance(talk) for talk in talks])
    assert snapshot.heads == {talk.id: 2 for talk in talks}
    assert len(snapshot.cursors) == 5


async def test_a_snapshot_holds_the_messages_that_commands_name() -> None:
    store, talk = MemoryMessageStore(), Talk()
    new = talk.add()
    await store.apply(Effects(added=[new]))
    announce = AnnounceChange(conversation_id=talk.id, change="updated", actor=BIA, at=START)
    assert (await Known(store).snapshot([announce])).kept == {}
