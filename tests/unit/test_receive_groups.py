"""A group of a platform is one conversation, whose members are the people in it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat4all.adapters.memory.group_chats import MemoryGroupChats
from chat4all.domain.commands import (
    AnnounceChange,
    Command,
    EditMessage,
    React,
    ReportStatus,
    SubmitMessage,
)
from chat4all.domain.directory import Channel, Conversation, ConversationType, Role
from chat4all.domain.errors import Unavailable
from chat4all.domain.group_chats import ChatKey, GroupChat, Moment
from chat4all.domain.ids import ConversationId, UserId
from chat4all.domain.inbound import (
    AccountInGroup,
    GroupJoined,
    GroupLeft,
    GroupMoved,
    GroupPerson,
    GroupRenamed,
    Inbound,
    IncomingEdit,
    IncomingMessage,
    IncomingReaction,
    IncomingTyping,
    Receipt,
)
from chat4all.domain.payload import text
from chat4all.domain.status import Status
from chat4all.ports.message_store import Effects
from tests.unit.test_receive import ACCOUNT, BRUNO, CARLA, NOW, World, add_code, submitted, wrote

TEAM = "-7"
START = NOW - timedelta(hours=1)


@pytest.fixture
async def world() -> World:
    return await a_world()


async def a_world() -> World:
    world = World()
    await world.add_person(BRUNO)
    await world.add_person(CARLA)
    return world


def said(
    number: int, words: str = "Oi", *, by: str = "501", title: str = "Team", **more: str
) -> IncomingMessage:
    """Return what somebody wrote in the team at the second `number`."""
    event = wrote(str(number), words, address=more.pop("address", TEAM), author=by, **more)
    name = {"501": "Ana Lima", "502": "Davi"}.get(by, f"Person {by}")
    at = START + timedelta(seconds=number)
    return replace(event, title=title, author_name=name, sent_at=at)


def joined(number: int, *people: str, title: str = "Team") -> GroupJoined:
    return GroupJoined(
        address=TEAM,
        title=title,
        people=tuple(GroupPerson(author=one, name=f"Person {one}") for one in people),
        at=START + timedelta(seconds=number),
        number=number,
    )


def left(number: int, person: str, title: str = "Team") -> GroupLeft:
    at = START + timedelta(seconds=number)
    return GroupLeft(address=TEAM, title=title, author=person, at=at, number=number)


def renamed(number: int, title: str) -> GroupRenamed:
    at = START + timedelta(seconds=number)
    return GroupRenamed(address=TEAM, title=title, at=at, number=number)


def presence(number: int, *, present: bool, title: str = "Team") -> AccountInGroup:
    at = START + timedelta(seconds=number)
    return AccountInGroup(address=TEAM, title=title, present=present, at=at, number=number)


async def chat(world: World, address: str = TEAM) -> GroupChat:
    found = await world.directory.group_chats.get(ChatKey("telegram", ACCOUNT.id, address))
    assert found is not None
    return found


async def talk(world: World, address: str = TEAM) -> Conversation:
    found = await world.directory.conversations.get((await chat(world, address)).conversation_id)
    assert found is not None
    return found


async def channel(world: World, person: str) -> Channel:
    found = await world.directory.channels.resolve("telegram", ACCOUNT.id, person)
    assert found is not None
    return found


async def members(world: World) -> set[UserId]:
    return {one.user_id for one in (await talk(world)).members}


async def test_a_group_is_one_conversation_and_each_author_a_member(world: World) -> None:
    first, second = submitted(await world.hears(said(1), said(2, "Olá", by="502")))
    assert first.conversation_id == second.conversation_id
    group = await talk(world)
    assert (group.type, group.name, group.created_by) == (ConversationType.GROUP, "Team", BRUNO)
    assert await members(world) == {BRUNO, first.sender, second.sender}
    owner = group.member(BRUNO)
    assert owner is not None
    assert owner.role is Role.OWNER
    assert (first.payload, first.metadata) == (text("Oi"), {})
    people = await world.directory.users.get_many([first.sender, second.sender])
    assert [people[one.sender].display_name for one in (first, second)] == ["Ana Lima", "Davi"]
    assert {one.owner_id for one in people.values()} == {BRUNO}


async def test_it_is_announced_once(world: World) -> None:
    commands = await world.hears(said(1), said(2))
    told = [one.change for one in commands if isinstance(one, AnnounceChange)]
    assert told == ["created", "member_added"]
    assert [type(one) for one in await world.hears(said(3))] == [SubmitMessage]


async def test_a_repeat_after_a_failure_makes_nothing_twice(world: World) -> None:
    world.log.failures = 2
    for _ in range(2):
        with pytest.raises(Unavailable):
            await world.hears(said(1))
    [message] = submitted(await world.hears(said(1)))
    assert await members(world) == {BRUNO, message.sender}
    assert len(await world.directory.conversations.of_user(BRUNO)) == 1
    assert len(await world.directory.users.search("", owner=BRUNO, limit=10)) == 1


class SlowGroups(MemoryGroupChats):
    """Lets others run between the question and the answer, and may fail to keep."""

    failures = 0

    async def get(self, key: ChatKey) -> GroupChat | None:
        found = await super().get(key)
        await asyncio.sleep(0)
        return found

    async def keep(
        self, chat: GroupChat, *, at: Moment, gone: ConversationId | None = None
    ) -> GroupChat:
        if self.failures:
            self.failures -= 1
            raise Unavailable("not now")
        return await super().keep(chat, at=at, gone=gone)


async def test_a_repeat_after_half_of_it_makes_no_second_conversation(world: World) -> None:
    groups = SlowGroups(world.state)
    groups.failures = 1
    world.directory.group_chats = groups
    with pytest.raises(Unavailable):
        await world.hears(said(1))
    [message] = submitted(await world.hears(said(1)))
    [only] = await world.directory.conversations.of_user(BRUNO)
    assert only.id == message.conversation_id


async def test_several_who_write_at_once_are_in_one_conversation(world: World) -> None:
    world.directory.group_chats = SlowGroups(world.state)
    events = [said(n, by=str(500 + n % 3)) for n in range(6)]
    await asyncio.gather(*(world.receive(ACCOUNT, [one]) for one in events))
    commands = submitted(await world.commands())
    assert len({one.conversation_id for one in commands}) == 1
    assert len({one.sender for one in commands}) == 3
    assert len(await world.directory.conversations.of_user(BRUNO)) == 1


async def test_groups_are_told_apart(world: World) -> None:
    team, choir = submitted(await world.hears(said(1), said(1, address="-8", title="Choir")))
    assert team.conversation_id != choir.conversation_id
    assert team.sender == choir.sender
    names = [one.name for one in await world.directory.conversations.of_user(team.sender)]
    assert sorted(map(str, names)) == ["Choir", "Team"]


async def test_who_was_seen_in_a_group_is_reachable_once_they_write_alone(world: World) -> None:
    [in_group] = submitted(await world.hears(said(1)))
    assert not (await channel(world, "501")).reachable
    [alone] = submitted(await world.hears(wrote("9")))
    assert (await channel(world, "501")).reachable
    assert alone.sender == in_group.sender
    assert alone.conversation_id != in_group.conversation_id
    assert submitted(await world.hears(said(2)))[0].conversation_id == in_group.conversation_id


async def test_who_wrote_alone_before_is_the_same_person_in_a_group(world: World) -> None:
    [alone] = submitted(await world.hears(wrote("9")))
    [in_group] = submitted(await world.hears(said(1)))
    assert in_group.sender == alone.sender
    assert (await channel(world, "501")).reachable


async def test_an_administrator_who_stays_anonymous_is_the_group_itself(world: World) -> None:
    [message] = submitted(await world.hears(said(1, by=TEAM)))
    assert message.sender in await members(world)
    assert not (await channel(world, TEAM)).reachable


async def test_a_reply_in_a_group_stays_in_it(world: World) -> None:
    [first] = submitted(await world.hears(said(1)))
    [answer] = submitted(await world.hears(said(2, "Eu também", by="502", reply_to="1")))
    assert answer.reply_to == first.message_id
    await world.sent(first.conversation_id, first.sender, "77")
    elsewhere = said(3, by="502", reply_to="77")
    assert submitted(await world.hears(elsewhere))[0].reply_to is None, "the id of another chat"


async def test_an_edit_and_a_reaction_are_by_their_author(world: World) -> None:
    ana, davi = submitted(await world.hears(said(1), said(2, by="502")))
    edit = IncomingEdit(
        external_id="1", address=TEAM, author="501", payload=text("Oi!"), edited_at=NOW
    )
    reaction = IncomingReaction(external_id="1", address=TEAM, author="502", emojis=("👍",), at=NOW)
    changed, reacted = await world.hears(edit, reaction)
    assert isinstance(changed, EditMessage)
    assert isinstance(reacted, React)
    assert (changed.actor, reacted.actor) == (ana.sender, davi.sender)
    kept = (await world.messages(ana.conversation_id))[0]
    assert (kept.payload, kept.reactions) == (text("Oi!"), {"👍": (davi.sender,)})


async def test_a_receipt_is_of_whom_it_names_else_of_all_in_the_group(world: World) -> None:
    ana, davi = submitted(await world.hears(said(1), said(2, by="502")))
    message = await world.sent(ana.conversation_id, CARLA, "5")
    [hers] = await world.store.statuses([message])
    there = replace(hers, address=TEAM, external_id="77")
    both = [replace(there, user_id=one.sender) for one in (ana, davi)]
    await world.store.apply(Effects(statuses=both))
    told = Receipt(external_id="77", address=TEAM, status=Status.READ, at=NOW, author="502")
    [read] = await world.hears(told)
    assert isinstance(read, ReportStatus)
    assert (read.entry.user_id, read.entry.status) == (davi.sender, Status.READ)
    all_of_them = await world.hears(replace(told, author=None, status=Status.DELIVERED))
    reported = [one.entry.user_id for one in all_of_them if isinstance(one, ReportStatus)]
    assert sorted(reported) == sorted([ana.sender, davi.sender])
    assert await world.hears(replace(told, author="999")) == [], "somebody we never heard of"


async def test_typing_is_told_of_who_types(world: World) -> None:
    [message] = submitted(await world.hears(said(1)))
    await world.hears(IncomingTyping(address=TEAM, author="501"))
    assert world.typing == [(message.conversation_id, message.sender)]


async def test_who_joins_is_a_member_and_who_leaves_is_not(world: World) -> None:
    await world.hears(joined(1, "501", "502"))
    ana, davi = (await channel(world, "501")).user_id, (await channel(world, "502")).user_id
    assert await members(world) == {BRUNO, ana, davi}
    [told] = await world.hears(left(2, "501"))
    assert isinstance(told, AnnounceChange)
    assert (told.change, told.user_id) == ("member_removed", ana)
    assert await members(world) == {BRUNO, davi}
    assert (await chat(world)).members == {davi}


async def test_who_left_is_not_back_for_what_they_wrote_before(world: World) -> None:
    await world.hears(joined(1, "501"), left(5, "501"))
    [late] = submitted(await world.hears(said(3)))
    assert late.sender not in await members(world)
    [later] = submitted(await world.hears(said(6)))
    assert later.sender in await members(world)


async def test_who_was_removed_here_and_writes_there_is_a_member_again(world: World) -> None:
    [message] = submitted(await world.hears(said(1)))
    await world.directory.members.remove(message.conversation_id, message.sender)
    await world.hears(said(2))
    assert message.sender in await members(world)


async def test_the_owner_stays_when_they_leave_the_group(world: World) -> None:
    await add_code(world, "K7", BRUNO)
    await world.hears(wrote("9", link_code="K7"), said(1), left(2, "501"))
    assert await members(world) == {BRUNO}
    assert (await chat(world)).members == frozenset()


async def test_who_links_their_account_takes_the_place_of_the_contact(world: World) -> None:
    [before] = submitted(await world.hears(said(1)))
    await add_code(world, "K7", CARLA)
    await world.hears(wrote("9", link_code="K7"))
    [after] = submitted(await world.hears(said(2)))
    assert after.sender == CARLA != before.sender
    assert await members(world) == {BRUNO, CARLA}
    assert (await channel(world, "501")).reachable


async def test_a_new_name_of_the_group_is_that_of_the_conversation(world: World) -> None:
    await world.hears(said(1))
    [told] = await world.hears(renamed(2, "Crew"))
    assert isinstance(told, AnnounceChange)
    assert told.change == "updated"
    assert (await talk(world)).name == "Crew"
    await world.hears(said(1, title="Team", by="502"))
    assert (await talk(world)).name == "Crew", "what was written before it"
    await world.hears(said(4, title="Band"))
    assert (await talk(world)).name == "Band", "a message tells the name too"


async def test_a_name_given_here_stays_until_the_group_gets_another(world: World) -> None:
    [message] = submitted(await world.hears(said(1)))
    await world.directory.conversations.update(message.conversation_id, name="Mine", metadata={})
    await world.hears(said(2))
    assert (await talk(world)).name == "Mine"


async def test_a_group_that_moves_stays_one_conversation(world: World) -> None:
    [before] = submitted(await world.hears(said(1)))
    move = GroupMoved(address=TEAM, to="-1007")
    assert await world.hears(move, move) == []
    [after] = submitted(await world.hears(said(1, address="-1007")))
    assert after.conversation_id == before.conversation_id
    assert after.message_id != before.message_id, "the numbers begin anew there"
    [late] = submitted(await world.hears(said(2)))
    assert late.conversation_id == before.conversation_id
    assert (await chat(world)).key.address == "-1007"
    assert len(await world.directory.conversations.of_user(BRUNO)) == 1


async def test_the_account_is_known_to_be_in_the_group_or_not(world: World) -> None:
    assert await world.hears(presence(1, present=False)) == []
    assert await world.directory.conversations.of_user(BRUNO) == []
    await world.hears(presence(2, present=True))
    assert (await talk(world)).name == "Team", "it is seen as soon as the account is in it"
    await world.hears(presence(4, present=False))
    assert not (await chat(world)).present
    await world.hears(said(3))
    assert not (await chat(world)).present, "written before it"
    await world.hears(said(5))
    assert (await chat(world)).present, "what is heard shows that it is back"


async def test_a_group_whose_conversation_was_deleted_begins_a_new_one(world: World) -> None:
    [before] = submitted(await world.hears(said(1)))
    await world.directory.conversations.delete(before.conversation_id)
    after, following = submitted(await world.hears(said(2), said(3, by="502")))
    assert after.conversation_id == following.conversation_id != before.conversation_id
    assert after.sender == before.sender


async def test_a_group_that_was_one_contact_is_left_as_it_was(world: World) -> None:
    [old] = submitted(await world.hears(wrote("1", "Ana Lima: Oi", address=TEAM, author=TEAM)))
    [new] = submitted(await world.hears(said(2)))
    assert new.conversation_id != old.conversation_id
    edit = IncomingEdit(
        external_id="1", address=TEAM, author="501", payload=text("Oi!"), edited_at=NOW
    )
    [changed] = await world.hears(edit)
    assert isinstance(changed, EditMessage)
    assert (changed.actor, changed.conversation_id) == (old.sender, old.conversation_id)


HISTORY: list[Inbound] = [
    presence(1, present=True),
    joined(2, "501", "502"),
    said(3),
    said(4, by="502", reply_to="3"),
    renamed(5, "Crew"),
    left(6, "501", title="Crew"),
    said(7, by="502", title="Crew"),
    joined(8, "501", title="Crew"),
    said(9, title="Crew"),
    left(10, "502", title="Crew"),
    renamed(11, "Band"),
    joined(12, "503", title="Band"),
    presence(13, present=False, title="Band"),
    presence(14, present=True, title="Band"),
    said(15, by="503", title="Band"),
    presence(16, present=False, title="Band"),
]


async def outcome(events: list[Inbound]) -> object:
    """Return what a group has become, without the order in which messages came."""
    world = await a_world()
    for event in events:
        await world.hears(event)
    group, where = await talk(world), await chat(world)
    people = [(await channel(world, one)).user_id for one in ("501", "502", "503")]
    kept = await world.messages(group.id)
    everybody = await world.directory.users.search("", owner=BRUNO, limit=100)
    return (
        group.name,
        [group.member(one) is not None for one in people],
        [one in where.members for one in people],
        where.present,
        sorted((str(one.payload), people.index(one.sender)) for one in kept),
        len(everybody),
        len(await world.directory.conversations.of_user(BRUNO)),
    )


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_told_again_or_in_another_order_leaves_the_same_group(data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(HISTORY), max_size=8), label="again")
    told = data.draw(st.permutations(HISTORY + again), label="told")
    assert asyncio.run(outcome(list(told))) == asyncio.run(outcome(HISTORY))


@settings(max_examples=25, deadline=None)
@given(again=st.lists(st.sampled_from(HISTORY), min_size=1, max_size=8))
def test_what_is_told_again_asks_for_nothing(again: list[Inbound]) -> None:
    async def asked() -> list[Command]:
        world = await a_world()
        for event in HISTORY:
            await world.hears(event)
        return [command for event in again for command in await world.hears(event)]

    assert asyncio.run(asked()) == []
