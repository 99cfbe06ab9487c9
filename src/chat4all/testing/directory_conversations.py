"""What every directory promises about conversations, members and channels."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from chat4all.domain.directory import ConversationType, Role
from chat4all.domain.errors import (
    ChannelNotFound,
    ChannelTaken,
    Conflict,
    ConversationNotFound,
    InvalidInput,
    UserNotFound,
)
from chat4all.domain.ids import AccountId, ChannelId, ConversationId, UserId, new_id
from chat4all.ports.directory import Directory
from chat4all.testing.directory_examples import (
    add_people,
    contact,
    group,
    identity,
    joining,
    private,
)

SMALL_GROUP = 4
"""How many members a group may have in the directories under test."""


class ConversationsContract:
    """Duties of `Conversations`."""

    async def test_a_group_comes_back_as_it_was_created(
        self, directory: Directory, peer: Directory
    ) -> None:
        ana, bia, cleo = await add_people(directory, "ana", "bia", "cleo")
        made = replace(
            group(ana, cleo, bia, name="Família 🦜"), metadata={"topic": {"é": [1, None, True]}}
        )
        assert await directory.conversations.create(made) == made
        assert await peer.conversations.get(made.id) == made

    async def test_members_are_oldest_first(self, directory: Directory) -> None:
        ana, bia, cleo = await add_people(directory, "ana", "bia", "cleo")
        made = group(ana, bia, cleo)
        shuffled = replace(made, members=made.members[::-1])
        assert await directory.conversations.create(shuffled) == made
        assert await directory.conversations.get(made.id) == made

    async def test_an_unknown_conversation_is_none(self, directory: Directory) -> None:
        assert await directory.conversations.get(ConversationId(new_id())) is None

    async def test_a_pair_has_one_private_conversation(
        self, directory: Directory, peer: Directory
    ) -> None:
        ana, bia, cleo = await add_people(directory, "ana", "bia", "cleo")
        first = await directory.conversations.create(private(ana, bia))
        assert await peer.conversations.create(private(bia, ana)) == first
        assert await peer.conversations.create(private(ana, cleo)) != first
        assert await directory.conversations.create(group(ana, bia)) != first

    async def test_a_pair_that_begins_twice_at_once_gets_one_conversation(
        self, directory: Directory, peer: Directory
    ) -> None:
        ana, bia = await add_people(directory, "ana", "bia")
        made = await asyncio.gather(
            *(directory.conversations.create(private(ana, bia)) for _ in range(4)),
            *(peer.conversations.create(private(bia, ana)) for _ in range(4)),
        )
        assert len({one.id for one in made}) == 1
        assert await directory.conversations.ids_of_user(ana) == [made[0].id]

    async def test_a_deleted_private_conversation_can_begin_anew(
        self, directory: Directory
    ) -> None:
        ana, bia = await add_people(directory, "ana", "bia")
        first = await directory.conversations.create(private(ana, bia))
        await directory.conversations.delete(first.id)
        assert (await directory.conversations.create(private(ana, bia))).id != first.id

    async def test_what_no_conversation_can_be_is_refused(self, directory: Directory) -> None:
        ids = await add_people(directory, *(f"user{number}" for number in range(SMALL_GROUP + 1)))
        with pytest.raises(InvalidInput):
            await directory.conversations.create(group(ids[0], ids[1], ids[1]))
        with pytest.raises(InvalidInput):
            await directory.conversations.create(
                replace(group(*ids[:3]), type=ConversationType.PRIVATE)
            )
        with pytest.raises(Conflict):
            await directory.conversations.create(group(*ids))
        with pytest.raises(UserNotFound):
            await directory.conversations.create(group(ids[0], UserId(new_id())))
        assert await directory.conversations.of_user(ids[0]) == []

    async def test_a_conversation_id_is_used_once(self, directory: Directory) -> None:
        ana, bia = await add_people(directory, "ana", "bia")
        made = await directory.conversations.create(group(ana))
        with pytest.raises(Conflict):
            await directory.conversations.create(replace(group(bia), id=made.id))
        assert await directory.conversations.get(made.id) == made

    async def test_the_conversations_of_a_user_are_paged_newest_first(
        self, directory: Directory, peer: Directory
    ) -> None:
        ana, bia = await add_people(directory, "ana", "bia")
        made = [
            await directory.conversations.create(group(ana, bia, name=f"{number}"))
            for number in range(5)
        ]
        await directory.conversations.create(group(bia))
        expected = sorted(made, key=lambda one: one.id, reverse=True)
        first = await peer.conversations.of_user(ana, limit=2)
        second = await peer.conversations.of_user(ana, after=first[-1].id, limit=2)
        rest = await peer.conversations.of_user(ana, after=second[-1].id)
        assert [*first, *second, *rest] == expected
        assert list(await peer.conversations.of_user(ana)) == expected
        assert list(await peer.conversations.ids_of_user(ana)) == [one.id for one in expected]

    async def test_nobody_is_in_no_conversation(self, directory: Directory) -> None:
        assert await directory.conversations.of_user(UserId(new_id())) == []
        assert await directory.conversations.ids_of_user(UserId(new_id())) == []

    async def test_an_update_replaces_name_and_metadata(
        self, directory: Directory, peer: Directory
    ) -> None:
        [ana] = await add_people(directory, "ana")
        made = replace(group(ana), metadata={"old": 1})
        await directory.conversations.create(made)
        await directory.conversations.update(made.id, name=None, metadata={"new": 2})
        assert await peer.conversations.get(made.id) == replace(
            made, name=None, metadata={"new": 2}
        )
        with pytest.raises(ConversationNotFound):
            await directory.conversations.update(ConversationId(new_id()), name="x", metadata={})

    async def test_a_deleted_conversation_is_forgotten_with_its_memberships(
        self, directory: Directory, peer: Directory
    ) -> None:
        [ana] = await add_people(directory, "ana")
        made = await directory.conversations.create(group(ana))
        await directory.conversations.delete(made.id)
        await directory.conversations.delete(made.id)
        assert await peer.conversations.get(made.id) is None
        assert await peer.conversations.ids_of_user(ana) == []
        with pytest.raises(ConversationNotFound):
            await peer.members.add(made.id, joining(ana))


class MembersContract:
    """Duties of `Members`."""

    async def test_a_member_joins_once(self, directory: Directory, peer: Directory) -> None:
        ana, bia = await add_people(directory, "ana", "bia")
        made = await directory.conversations.create(group(ana))
        added = joining(bia, role=Role.ADMIN)
        assert await directory.members.add(made.id, added)
        assert not await peer.members.add(made.id, joining(bia))
        kept = await peer.conversations.get(made.id)
        assert kept is not None
        assert kept.member(bia) == added
        assert await peer.conversations.ids_of_user(bia) == [made.id]

    async def test_joining_needs_a_user_and_a_conversation(self, directory: Directory) -> None:
        [ana] = await add_people(directory, "ana")
        made = await directory.conversations.create(group(ana))
        with pytest.raises(UserNotFound):
            await directory.members.add(made.id, joining(UserId(new_id())))
        with pytest.raises(ConversationNotFound):
            await directory.members.add(ConversationId(new_id()), joining(ana))

    async def test_a_full_group_takes_nobody_else(
        self, directory: Directory, peer: Directory
    ) -> None:
        ids = await add_people(directory, *(f"user{number}" for number in range(SMALL_GROUP + 3)))
        made = await directory.conversations.create(group(ids[0]))
        results = await asyncio.gather(
            *(
                where.members.add(made.id, joining(user))
                for where, user in zip((directory, peer) * 3, ids[1:], strict=True)
            ),
            return_exceptions=True,
        )
        assert results.count(True) == SMALL_GROUP - 1
        assert sum(isinstance(result, Conflict) for result in results) == 3
        kept = await directory.conversations.get(made.id)
        assert kept is not None
        assert len(kept.members) == SMALL_GROUP
        assert not await directory.members.add(made.id, kept.members[-1])

    async def test_a_private_conversation_takes_no_third(self, directory: Directory) -> None:
        ana, bia, cleo = await add_people(directory, "ana", "bia", "cleo")
        made = await directory.conversations.create(private(ana, bia))
        with pytest.raises(Conflict):
            await directory.members.add(made.id, joining(cleo))

    async def test_a_member_leaves_once(self, directory: Directory, peer: Directory) -> None:
        ana, bia = await add_people(directory, "ana", "bia")
        made = await directory.conversations.create(group(ana, bia))
        assert await directory.members.remove(made.id, bia)
        assert not await peer.members.remove(made.id, bia)
        assert not await peer.members.remove(ConversationId(new_id()), bia)
        assert await peer.conversations.ids_of_user(bia) == []
        assert await peer.conversations.get(made.id) == replace(made, members=made.members[:1])

    async def test_the_earliest_admin_follows_the_last_owner(self, directory: Directory) -> None:
        ana, bia, cleo, dora = await add_people(directory, "ana", "bia", "cleo", "dora")
        made = await directory.conversations.create(group(ana, bia, cleo, dora))
        await directory.members.set_role(made.id, dora, Role.ADMIN)
        await directory.members.set_role(made.id, cleo, Role.ADMIN)
        await directory.members.remove(made.id, ana)
        assert await self._roles(directory, made.id) == {
            bia: Role.MEMBER,
            cleo: Role.OWNER,
            dora: Role.ADMIN,
        }

    async def test_the_earliest_member_follows_when_there_is_no_admin(
        self, directory: Directory
    ) -> None:
        ana, bia, cleo = await add_people(directory, "ana", "bia", "cleo")
        made = await directory.conversations.create(group(ana, cleo, bia))
        await directory.members.remove(made.id, ana)
        assert await self._roles(directory, made.id) == {cleo: Role.OWNER, bia: Role.MEMBER}

    async def test_nobody_follows_while_an_owner_stays(self, directory: Directory) -> None:
        ana, bia, cleo = await add_people(directory, "ana", "bia", "cleo")
        made = await directory.conversations.create(group(ana, bia, cleo))
        await directory.members.set_role(made.id, cleo, Role.OWNER)
        await directory.members.remove(made.id, ana)
        assert await self._roles(directory, made.id) == {bia: Role.MEMBER, cleo: Role.OWNER}

    async def test_owners_who_leave_at_once_leave_an_heir(
        self, directory: Directory, peer: Directory
    ) -> None:
        ana, bia, cleo = await add_people(directory, "ana", "bia", "cleo")
        made = await directory.conversations.create(group(ana, bia, cleo))
        await directory.members.set_role(made.id, bia, Role.OWNER)
        await asyncio.gather(
            directory.members.remove(made.id, ana), peer.members.remove(made.id, bia)
        )
        assert await self._roles(directory, made.id) == {cleo: Role.OWNER}

    async def test_the_last_member_may_leave(self, directory: Directory) -> None:
        [ana] = await add_people(directory, "ana")
        made = await directory.conversations.create(group(ana))
        assert await directory.members.remove(made.id, ana)
        assert await self._roles(directory, made.id) == {}

    async def test_a_member_archives_for_themselves(
        self, directory: Directory, peer: Directory
    ) -> None:
        ana, bia = await add_people(directory, "ana", "bia")
        made = await directory.conversations.create(group(ana, bia))
        await directory.members.set_archived(made.id, bia, archived=True)
        kept = await peer.conversations.get(made.id)
        assert kept is not None
        assert [member.archived for member in kept.members] == [False, True]
        await directory.members.set_archived(made.id, bia, archived=False)
        assert await peer.conversations.get(made.id) == made

    async def test_only_a_member_has_a_role_to_change(self, directory: Directory) -> None:
        ana, bia = await add_people(directory, "ana", "bia")
        made = await directory.conversations.create(group(ana))
        with pytest.raises(UserNotFound):
            await directory.members.set_role(made.id, bia, Role.ADMIN)
        with pytest.raises(UserNotFound):
            await directory.members.set_archived(made.id, bia, archived=True)

    @staticmethod
    async def _roles(directory: Directory, conversation: ConversationId) -> dict[UserId, Role]:
        kept = await directory.conversations.get(conversation)
        assert kept is not None
        return {member.user_id: member.role for member in kept.members}


class ChannelsContract:
    """Duties of `Channels`."""

    async def test_an_identity_is_linked_once(self, directory: Directory, peer: Directory) -> None:
        [ana] = await add_people(directory, "ana")
        channel = identity(ana, "+5511999990000", account="bot")
        assert await directory.channels.link(channel) == channel
        assert await peer.channels.link(replace(channel, id=ChannelId(new_id()))) == channel
        assert await peer.channels.of_users([ana]) == {ana: [channel]}

    @pytest.mark.parametrize("account", [None, "bot"])
    async def test_an_identity_belongs_to_one_user(
        self, directory: Directory, peer: Directory, account: str | None
    ) -> None:
        ana, bia = await add_people(directory, "ana", "bia")
        await directory.channels.link(identity(ana, "7", account=account))
        with pytest.raises(ChannelTaken):
            await peer.channels.link(identity(bia, "7", account=account))
        assert set(await peer.channels.of_users([ana, bia])) == {ana}

    async def test_of_those_who_link_an_identity_at_once_one_gets_it(
        self, directory: Directory, peer: Directory
    ) -> None:
        ids = await add_people(directory, "ana", "bia", "cleo", "dora")
        results = await asyncio.gather(
            *(
                where.channels.link(identity(user, "7"))
                for where, user in zip((directory, peer) * 2, ids, strict=True)
            ),
            return_exceptions=True,
        )
        assert sum(isinstance(result, ChannelTaken) for result in results) == 3
        assert len(await directory.channels.of_users(ids)) == 1

    async def test_only_a_user_has_identities(self, directory: Directory) -> None:
        with pytest.raises(UserNotFound):
            await directory.channels.link(identity(UserId(new_id()), "7"))

    async def test_an_identity_moves_to_another_user(
        self, directory: Directory, peer: Directory
    ) -> None:
        [ana] = await add_people(directory, "ana")
        unknown = contact(ana, "+55 11")
        await directory.users.add(unknown)
        channel = await directory.channels.link(identity(unknown.id, "7"))
        await directory.channels.relink(channel.id, ana)
        moved = replace(channel, user_id=ana)
        assert await peer.channels.of_users([unknown.id, ana]) == {ana: [moved]}
        assert await peer.channels.resolve("pigeon", None, "7") == moved
        with pytest.raises(ChannelNotFound):
            await directory.channels.relink(ChannelId(new_id()), ana)
        with pytest.raises(UserNotFound):
            await directory.channels.relink(channel.id, UserId(new_id()))

    async def test_only_its_user_removes_an_identity(
        self, directory: Directory, peer: Directory
    ) -> None:
        ana, bia = await add_people(directory, "ana", "bia")
        channel = await directory.channels.link(identity(ana, "7"))
        with pytest.raises(ChannelNotFound):
            await peer.channels.unlink(bia, channel.id)
        await peer.channels.unlink(ana, channel.id)
        with pytest.raises(ChannelNotFound):
            await directory.channels.unlink(ana, channel.id)
        await directory.channels.link(identity(bia, "7"))

    async def test_identities_are_listed_oldest_first(self, directory: Directory) -> None:
        ana, bia = await add_people(directory, "ana", "bia")
        newer = await directory.channels.link(identity(ana, "1", minute=2))
        older = await directory.channels.link(identity(ana, "2", minute=1))
        assert await directory.channels.of_users([ana, bia, ana]) == {ana: [older, newer]}
        assert await directory.channels.of_users([]) == {}

    async def test_an_exact_account_goes_before_any_account(self, directory: Directory) -> None:
        ana, bia = await add_people(directory, "ana", "bia")
        anywhere = await directory.channels.link(identity(ana, "7"))
        exact = await directory.channels.link(identity(bia, "7", account="bot"))
        resolve = directory.channels.resolve
        assert await resolve("pigeon", AccountId("bot"), "7") == exact
        assert await resolve("pigeon", AccountId("other"), "7") == anywhere
        assert await resolve("pigeon", None, "7") == anywhere

    async def test_an_identity_of_one_account_is_unknown_to_others(
        self, directory: Directory
    ) -> None:
        [ana] = await add_people(directory, "ana")
        await directory.channels.link(identity(ana, "7", account="bot"))
        resolve = directory.channels.resolve
        assert await resolve("pigeon", AccountId("other"), "7") is None
        assert await resolve("pigeon", None, "7") is None
        assert await resolve("raven", AccountId("bot"), "7") is None
        assert await resolve("pigeon", AccountId("bot"), "70") is None
