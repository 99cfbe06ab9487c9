"""What every directory promises about the groups of platforms and who is in them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from chat4all.domain.group_chats import ChatKey, GroupChat, Moment, Standing
from chat4all.domain.ids import AccountId, ConversationId, UserId
from chat4all.ports.directory import Directory
from chat4all.testing.directory_examples import minutes

KEY = ChatKey("pigeon", AccountId("loft"), "-7")
TALK, OTHER = ConversationId("talk"), ConversationId("other")
ANA, BIA = UserId("ana"), UserId("bia")
CHAT = GroupChat(key=KEY, conversation_id=TALK, title="Team")


def at(minute: float, number: int = 0) -> Moment:
    """Return a moment of the example."""
    return Moment(minutes(minute), number)


class GroupChatsContract:
    """Duties of `GroupChats`."""

    async def test_a_group_is_kept_once(self, directory: Directory, peer: Directory) -> None:
        assert await directory.group_chats.get(KEY) is None
        offered = [replace(CHAT, conversation_id=ConversationId(f"talk{n}")) for n in range(4)]
        kept = await asyncio.gather(
            *(
                where.group_chats.keep(one, at=at(1))
                for where, one in zip((directory, peer) * 2, offered, strict=True)
            )
        )
        assert len({one.conversation_id for one in kept}) == 1
        assert await peer.group_chats.get(KEY) == kept[0]
        assert await directory.group_chats.of(kept[0].conversation_id) == [kept[0]]
        assert await directory.group_chats.of(OTHER) == []

    @pytest.mark.parametrize(
        "other",
        [
            ChatKey("raven", KEY.account_id, "-7"),
            ChatKey("pigeon", AccountId("attic"), "-7"),
            ChatKey("pigeon", KEY.account_id, "7"),
        ],
    )
    async def test_groups_are_told_apart(self, directory: Directory, other: ChatKey) -> None:
        await directory.group_chats.keep(CHAT, at=at(1))
        await directory.group_people.note(KEY, "1", ANA, here=True, at=at(1))
        assert await directory.group_chats.get(other) is None
        assert await directory.group_people.standing(other, "1") is None

    async def test_a_conversation_that_is_gone_is_replaced(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.group_chats.keep(CHAT, at=at(1))
        again = replace(CHAT, conversation_id=OTHER)
        assert (await peer.group_chats.keep(again, at=at(2))).conversation_id == TALK
        assert (await peer.group_chats.keep(again, at=at(2), gone=TALK)).conversation_id == OTHER
        third = replace(CHAT, conversation_id=ConversationId("third"))
        kept = await directory.group_chats.keep(third, at=at(3), gone=TALK)
        assert kept.conversation_id == OTHER

    async def test_a_change_that_was_overtaken_has_no_effect(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.group_chats.keep(CHAT, at=at(1))
        change = peer.group_chats.change
        assert await change(KEY, at=at(3), title="Crew")
        assert not await change(KEY, at=at(2), title="Gang")
        assert not await change(KEY, at=at(3), title="Gang")
        assert await change(KEY, at=at(3, 1), title="Band")
        assert not await change(KEY, at=at(4), title="Band"), "it was that already"
        assert await change(KEY, at=at(2), present=False), "what is said of another thing"
        assert not await change(KEY, at=at(1.5), present=True)
        assert await directory.group_chats.get(KEY) == replace(CHAT, title="Band", present=False)
        assert not await change(replace(KEY, address="-8"), at=at(9), title="Nobody")

    async def test_a_group_that_moved_is_found_by_both_addresses(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.group_chats.keep(CHAT, at=at(1))
        await directory.group_people.note(KEY, "1", ANA, here=True, at=at(1))
        moved = await peer.group_chats.move(KEY, "-1007")
        here = replace(CHAT, key=replace(KEY, address="-1007"), members=frozenset([ANA]))
        assert moved == here
        assert await directory.group_chats.move(KEY, "-1007") == here
        assert await directory.group_chats.get(KEY) == here
        assert await directory.group_chats.get(here.key) == here
        assert await directory.group_chats.of(TALK) == [here]
        late = replace(CHAT, conversation_id=OTHER)
        assert await directory.group_chats.keep(late, at=at(1)) == here
        assert await directory.group_chats.move(replace(KEY, address="-9"), "-1009") is None

    async def test_a_group_that_was_heard_of_at_its_new_address_first_becomes_one(
        self, directory: Directory
    ) -> None:
        there = replace(KEY, address="-1007")
        await directory.group_chats.keep(CHAT, at=at(1))
        await directory.group_chats.keep(replace(CHAT, key=there, conversation_id=OTHER), at=at(2))
        for key, person, user in ((KEY, "1", ANA), (there, "2", BIA)):
            await directory.group_people.note(key, person, user, here=True, at=at(2))
        moved = await directory.group_chats.move(KEY, "-1007")
        assert moved is not None
        assert (moved.key, moved.conversation_id, moved.members) == (
            there,
            TALK,
            frozenset([ANA, BIA]),
        )
        assert await directory.group_chats.of(OTHER) == []


class GroupPeopleContract:
    """Duties of `GroupPeople`."""

    async def test_who_was_noted_last_is_in_the_group(
        self, directory: Directory, peer: Directory
    ) -> None:
        await directory.group_chats.keep(CHAT, at=at(1))
        note = directory.group_people.note
        assert await note(KEY, "1", ANA, here=True, at=at(2)) == Standing(ANA, here=True)
        assert await note(KEY, "2", BIA, here=True, at=at(2)) == Standing(BIA, here=True)
        assert await note(KEY, "1", ANA, here=False, at=at(2, 5)) == Standing(ANA, here=False)
        assert await note(KEY, "1", ANA, here=True, at=at(2, 5)) == Standing(ANA, here=False)
        assert await note(KEY, "1", ANA, here=True, at=at(1)) == Standing(ANA, here=False)
        assert await peer.group_people.standing(KEY, "1") == Standing(ANA, here=False)
        kept = await peer.group_chats.get(KEY)
        assert kept is not None
        assert kept.members == {BIA}

    async def test_who_left_before_they_were_known_is_not_there(self, directory: Directory) -> None:
        await directory.group_chats.keep(CHAT, at=at(1))
        note = directory.group_people.note
        assert await note(KEY, "1", None, here=False, at=at(5)) == Standing(None, here=False)
        assert await note(KEY, "1", ANA, here=True, at=at(3)) == Standing(ANA, here=False)
        assert await directory.group_people.standing(KEY, "1") == Standing(ANA, here=False)

    async def test_staying_counts_as_the_last_word_too(self, directory: Directory) -> None:
        note = directory.group_people.note
        for minute in (1, 4):
            await note(KEY, "1", ANA, here=True, at=at(minute))
        assert await note(KEY, "1", ANA, here=False, at=at(3)) == Standing(ANA, here=True)

    async def test_a_person_may_become_another_user(self, directory: Directory) -> None:
        note = directory.group_people.note
        await note(KEY, "1", ANA, here=True, at=at(4))
        assert await note(KEY, "1", BIA, here=False, at=at(3)) == Standing(BIA, here=True)
