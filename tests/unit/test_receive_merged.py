"""What people write whose contacts were merged: it stays where it was, and finds its answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chat4all.domain.commands import EditMessage, React
from chat4all.domain.directory import ConversationType, UserKind
from chat4all.domain.ids import ConversationId, UserId
from chat4all.domain.inbound import IncomingEdit, IncomingReaction, IncomingTyping
from chat4all.domain.payload import text
from chat4all.services.merge_contacts import MergeContacts, Wishes
from tests.unit.test_receive import ACCOUNT, BRUNO, NOW, World, submitted, wrote

HOME, WORK = "501", "777"
"""Two addresses of one person."""


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_person(BRUNO)
    return world


async def writes(
    world: World, address: str, external_id: str, reply_to: str | None = None
) -> tuple[ConversationId, UserId]:
    event = wrote(external_id, address=address, author=address)
    [command] = submitted(await world.hears(replace(event, reply_to=reply_to)))
    return command.conversation_id, command.sender


async def merge(world: World, kept: UserId, other: UserId) -> str:
    merges = MergeContacts(world.directory.contact_merges, world.directory.conversations)
    view = await merges(BRUNO, kept, [other], Wishes())
    return view.merge.id


async def test_each_address_goes_on_where_it_was(world: World) -> None:
    before = {one: await writes(world, one, f"{one}-1") for one in (HOME, WORK)}
    assert before[HOME][0] != before[WORK][0]
    await merge(world, before[HOME][1], before[WORK][1])
    for one, (talk, sender) in before.items():
        assert await writes(world, one, f"{one}-2") == (talk, sender)
        seqs = [each.seq for each in await world.messages(talk)]
        assert seqs == [1, 2]


async def test_an_answer_by_another_address_finds_the_talk_it_answers(world: World) -> None:
    home, ana = await writes(world, HOME, "1")
    work, other = await writes(world, WORK, "2")
    await merge(world, ana, other)
    # Bruno has written in the talk of home, and the message went to the address of work.
    await world.directory.routes.set("telegram", ACCOUNT.id, WORK, home)
    assert await writes(world, WORK, "3") == (home, ana)
    typing = IncomingTyping(address=WORK, author=WORK)
    await world.hears(typing)
    assert world.typing == [(home, ana)]
    edit = IncomingEdit(
        external_id="3", address=WORK, author=WORK, payload=text("New"), edited_at=NOW
    )
    [edited] = await world.hears(edit)
    assert isinstance(edited, EditMessage)
    assert (edited.conversation_id, edited.actor) == (home, ana)
    sent = await world.sent(home, ana, "77")
    [reaction] = await world.hears(
        IncomingReaction(external_id="77", address=HOME, author=WORK, emojis=("👍",), at=NOW)
    )
    assert isinstance(reaction, React)
    assert (reaction.message_id, reaction.actor) == (sent, ana)
    assert await writes(world, WORK, "4", reply_to="2") == (work, other)


async def test_an_address_that_never_wrote_joins_the_talk_that_there_is(world: World) -> None:
    talk, ana = await writes(world, HOME, "1")
    _, other = await writes(world, WORK, "2")
    [gone] = await world.directory.conversations.ids_of_user(other)
    await world.directory.conversations.delete(gone)
    await merge(world, ana, other)
    assert await writes(world, WORK, "3") == (talk, ana)


async def test_whoever_is_no_longer_merged_is_a_stranger_to_the_other_talk(world: World) -> None:
    talk, ana = await writes(world, HOME, "1")
    work, other = await writes(world, WORK, "2")
    name = await merge(world, ana, other)
    await world.directory.routes.set("telegram", ACCOUNT.id, WORK, talk)
    merges = MergeContacts(world.directory.contact_merges, world.directory.conversations)
    await merges.undo(BRUNO, name)  # type: ignore[arg-type]  # the id as a text
    assert await writes(world, WORK, "3") == (work, other)
    kinds = [
        (await world.directory.conversations.get(one)).type  # type: ignore[union-attr]
        for one in (talk, work)
    ]
    assert kinds == [ConversationType.PRIVATE] * 2
    users = await world.directory.users.get_many([ana, other])
    assert {one.kind for one in users.values()} == {UserKind.CONTACT}
