"""Messages on their way from one store to another, broken off and gone on with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat4all.adapters.memory.message_store import MemoryMessages, MemoryMessageStore
from chat4all.adapters.sqlite.message_store import SqliteMessageStore
from chat4all.domain.errors import MoveRefused, Unavailable
from chat4all.domain.messages import Message
from chat4all.domain.status import Status
from chat4all.ports.message_store import Effects
from chat4all.services.moving import messages
from chat4all.services.moving.messages import MoveMessages
from chat4all.testing.message_storage import ANNA, BERT, FullStore, Talk, report
from tests.unit.moving.counted import Counted

Open = Callable[[Path], AbstractAsyncContextManager[FullStore]]
MEMORY: Open = lambda _: nullcontext(MemoryMessageStore())  # noqa: E731 - two of a kind
SQLITE: Open = lambda folder: SqliteMessageStore(folder / "messages.sqlite3")  # noqa: E731


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few events and conversations at a time, so that there are many times."""
    monkeypatch.setattr(messages, "PAGE", 3)
    monkeypatch.setattr(messages, "TOGETHER", 2)


class Breaking(MemoryMessageStore):
    """A target that fails at its `last` write."""

    last = 0

    async def apply(self, effects: Effects) -> None:
        self.last -= 1
        if self.last == 0:
            raise Unavailable("broken off")
        await super().apply(effects)


async def fill(store: FullStore, steps: list[tuple[int, int]]) -> list[Message]:
    """Do `steps` in four talks: the kind of each, and which message it is about."""
    talks = [Talk(partition=number % 2) for number in range(4)]
    there: list[Message] = []
    for kind, number in steps:
        talk = talks[number % len(talks)]
        about = [one for one in there if one.conversation_id == talk.id]
        message = about[number % len(about)] if about else None
        if kind == 0 or message is None:
            new = talk.add(f"word {number}", metadata={"n": [number, None]})
            there.append(new.message)
            await store.apply(Effects(added=[new], statuses=[report(new.message, Status.SENT)]))
            continue
        effects = change(kind % 6, talk, message)
        if effects.changed:
            there = [effects.changed[0] if one == message else one for one in there]
        await store.apply(effects)
    return there


def change(kind: int, talk: Talk, message: Message) -> Effects:
    match kind:
        case 0:
            return talk.edit(message, "edited")
        case 1:
            return talk.delete(message)
        case 2:
            return talk.hide(message, BERT)
        case 3:
            return talk.move(BERT, delivered=talk.seq, read=talk.seq)
        case 4:
            return talk.announce()
        case _:
            return Effects(statuses=[report(message, Status.READ)])


STEPS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 11)), max_size=40)


@pytest.mark.parametrize(("source", "target"), [(MEMORY, SQLITE), (SQLITE, MEMORY)])
def test_the_copy_is_like_the_source(source: Open, target: Open) -> None:
    @settings(max_examples=25, deadline=None)
    @given(STEPS)
    def like_it(steps: list[tuple[int, int]]) -> None:
        asyncio.run(play(steps))

    async def play(steps: list[tuple[int, int]]) -> None:
        with TemporaryDirectory() as folder:
            async with source(Path(folder)) as ours, target(Path(folder)) as theirs:
                await fill(ours, steps)
                move = MoveMessages(ours, theirs, meter := Counted())
                await move.require()
                await move.copy()
                counts = await move.verify()
                assert meter.done == counts["messages"] == (await ours.counts())["messages"]

    like_it()


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(1, 30))
def test_one_that_was_broken_off_goes_on(steps: list[tuple[int, int]], at: int) -> None:
    async def play() -> None:
        ours, theirs = MemoryMessageStore(), Breaking()
        await fill(ours, steps)
        theirs.last = at
        move = MoveMessages(ours, theirs, Counted())
        try:
            await move.copy()
        except Unavailable:
            await move.require()
            await move.copy()
        await move.verify()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(messages, "PAGE", 3)
        patch.setattr(messages, "TOGETHER", 2)
        asyncio.run(play())


async def test_what_is_there_is_not_written_again() -> None:
    ours, theirs = MemoryMessageStore(), Breaking()
    await fill(ours, [(kind % 7, kind) for kind in range(40)])
    move = MoveMessages(ours, theirs, Counted())
    await move.copy()
    theirs.last = 1
    await move.copy()
    await move.verify()


async def test_a_copy_is_marked_until_both_sides_were_found_alike() -> None:
    ours, theirs = MemoryMessageStore(), Breaking()
    await fill(ours, [(kind % 7, kind) for kind in range(40)])
    theirs.last = 3
    move = MoveMessages(ours, theirs, Counted())
    with pytest.raises(Unavailable):
        await move.copy()
    assert await theirs.is_unfinished()
    await move.copy()
    assert await theirs.is_unfinished()
    await move.verify()
    assert not await theirs.is_unfinished()
    await MoveMessages(ours, theirs, Counted()).copy()
    assert not await theirs.is_unfinished()


async def test_a_target_with_conversations_of_its_own_is_refused() -> None:
    ours, theirs = MemoryMessageStore(), MemoryMessageStore()
    await ours.apply(Talk().many(2))
    stranger = Talk()
    await theirs.apply(stranger.many(1))
    with pytest.raises(MoveRefused, match=stranger.id):
        await MoveMessages(ours, theirs, Counted()).require()


@pytest.mark.parametrize("what", ["message", "edit", "cursor"])
async def test_a_target_that_was_used_since_is_refused(what: str) -> None:
    ours, theirs = MemoryMessageStore(), MemoryMessageStore()
    talk = Talk()
    effects = talk.many(5)
    await ours.apply(effects)
    move = MoveMessages(ours, theirs, Counted())
    await move.copy()
    await move.verify()
    news = {
        "message": lambda: talk.many(1),
        "edit": lambda: talk.edit(effects.added[1].message, "edited"),
        "cursor": lambda: talk.move(ANNA, delivered=3),
    }
    await theirs.apply(news[what]())
    before = await theirs.counts()
    with pytest.raises(MoveRefused, match="used since"):
        await move.copy()
    assert await theirs.counts() == before


async def test_another_message_at_the_same_place_is_refused() -> None:
    ours, theirs = MemoryMessageStore(), MemoryMessageStore()
    talk, twin = Talk(), Talk()
    twin.id = talk.id
    await ours.apply(talk.many(1))
    await theirs.apply(twin.many(1))
    with pytest.raises(MoveRefused, match="empty target"):
        await MoveMessages(ours, theirs, Counted()).copy()


@pytest.mark.parametrize("lost", ["status", "cursor", "hidden", "journal", "digest", "words"])
async def test_a_difference_is_found(lost: str) -> None:
    ours, kept = MemoryMessageStore(), MemoryMessages()
    talk = Talk()
    effects = talk.many(4)
    message = effects.added[0].message
    effects.statuses.append(report(message, Status.SENT))
    await ours.apply(effects)
    await ours.apply(talk.move(BERT, delivered=2))
    await ours.apply(talk.hide(message, BERT))
    move = MoveMessages(ours, MemoryMessageStore(kept), Counted())
    await move.copy()
    await move.verify()
    here = kept.kept[message.message_id]
    if lost == "status":
        kept.statuses[:] = [replace(one, note="changed") for one in kept.statuses]
    elif lost == "cursor":
        [(member, cursor)] = kept.cursors.items()
        kept.cursors[member] = replace(cursor, last_read_seq=1)
    elif lost == "hidden":
        kept.hidden.clear()
    elif lost == "journal":
        kept.journal.popitem()
    elif lost == "digest":
        kept.kept[message.message_id] = replace(here, digest="another")
    else:
        kept.kept[message.message_id] = replace(here, message=replace(message, channel="sms"))
    with pytest.raises(MoveRefused, match="not like the source"):
        await move.verify()


async def test_a_gap_that_the_source_has_is_told() -> None:
    kept = MemoryMessages()
    talk = Talk()
    effects = talk.many(3)
    store = MemoryMessageStore(kept)
    await store.apply(effects)
    gone = kept.kept.pop(effects.added[1].message.message_id).message
    del kept.places[talk.id][gone.seq]
    move = MoveMessages(store, MemoryMessageStore(), Counted())
    await move.copy()
    with pytest.raises(MoveRefused, match="sequence_gap"):
        await move.verify()
