"""The duties of `ContactMerges`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chat4all.domain.contact_merges import UNDO_FOR, ContactChanged, ContactMerge
from chat4all.domain.directory import User
from chat4all.domain.errors import ChannelTaken, UserNotFound
from chat4all.domain.ids import MergeId, UserId, new_id
from chat4all.ports.contacts import ContactBatch, PlatformAddress
from chat4all.ports.directory import Directory
from chat4all.testing.directory_examples import add_people, contact, identity, minutes

MERGED = minutes(9)
"""When the example merges."""


async def merge_of(
    directory: Directory, owner: UserId, kept: UserId, *others: UserId, at: datetime = MERGED
) -> ContactMerge:
    """Return the merge of `others` into `kept` as they are now, by a new name; not kept yet."""
    found = await directory.contact_merges.states(owner, [kept, *others])
    rest = [one for user, one in found.items() if user != kept]
    return ContactMerge(
        id=MergeId(new_id()),
        owner=owner,
        kept=kept,
        before=(found[kept], *rest),
        display_name="Everybody",
        preferred_channel="pigeon",
        at=at,
    )


class ContactMergesContract:
    """Duties of `ContactMerges`."""

    @pytest.fixture
    async def ana(self, directory: Directory) -> UserId:
        [ana] = await add_people(directory, "ana")
        return ana

    @pytest.fixture
    async def people(self, directory: Directory, ana: UserId) -> list[User]:
        """Three contacts of ana's; the number of the last was linked first."""
        made = [
            replace(contact(ana, name), preferred_channel=preferred)
            for name, preferred in (("Bia", None), ("Bia S.", "raven"), ("55119", None))
        ]
        for number, one in enumerate(made):
            await directory.users.add(one)
            await directory.channels.link(identity(one.id, f"{number}", minute=9 - number))
        return made

    async def test_merged_contacts_are_one_person(
        self, directory: Directory, peer: Directory, ana: UserId, people: list[User]
    ) -> None:
        kept, *others = (one.id for one in people)
        assert await directory.contact_merges.person(kept) == [kept]
        merge = await merge_of(directory, ana, kept, *others)
        await directory.contact_merges.keep(merge)
        for one in people:
            person = await peer.contact_merges.person(one.id)
            assert [person[0], *sorted(person[1:])] == [kept, *sorted(others)]
        assert await peer.contact_merges.get(ana, merge.id) == merge
        shown = await peer.users.get_many([kept, *others])
        assert {(one.display_name, one.preferred_channel) for one in shown.values()} == {
            ("Everybody", "pigeon")
        }
        assert {one.merged_into for one in shown.values()} == {None, kept}
        assert [one.id for one in await peer.users.search("", owner=ana, limit=9)] == [kept]
        assert await peer.users.search("bia", owner=ana, limit=9) == []
        assert len(await peer.users.search("everyb", owner=ana, limit=9)) == 1

    async def test_each_has_the_channels_of_all_its_own_first(
        self, directory: Directory, peer: Directory, ana: UserId, people: list[User]
    ) -> None:
        kept, second, third = (one.id for one in people)
        await directory.contact_merges.keep(await merge_of(directory, ana, kept, second, third))
        found = await peer.channels.of_users([kept, second, third])
        ids = {user: [one.external_id for one in theirs] for user, theirs in found.items()}
        assert ids[kept][0] == "0"
        assert ids[second][:2] == ["1", "0"]
        assert ids[third][:2] == ["2", "0"]
        assert {"".join(sorted(one)) for one in ids.values()} == {"012"}
        held = await peer.contact_batches.holders([PlatformAddress("pigeon", "2")])
        assert [(channel.user_id, user.id) for channel, user in held] == [(third, kept)]

    async def test_what_is_of_one_is_of_the_others(
        self, directory: Directory, ana: UserId, people: list[User]
    ) -> None:
        kept, second, third = (one.id for one in people)
        theirs = identity(kept, "1")
        with pytest.raises(ChannelTaken):
            await directory.channels.link(theirs)
        await directory.contact_merges.keep(await merge_of(directory, ana, kept, second))
        assert (await directory.channels.link(theirs)).user_id == second
        with pytest.raises(ChannelTaken):
            await directory.channels.link(identity(kept, "2"))
        [of_second] = [
            one for one in (await directory.channels.of_users([kept]))[kept]
            if one.external_id == "1"
        ]  # fmt: skip
        await directory.channels.unlink(kept, of_second.id)
        assert len((await directory.channels.of_users([second]))[second]) == 1
        assert third in await directory.channels.of_users([third])

    async def test_a_merge_undone_leaves_all_as_it_was(
        self, directory: Directory, peer: Directory, ana: UserId, people: list[User]
    ) -> None:
        ids = [one.id for one in people]
        before = await _all_of(directory, ana, ids)
        merge = await merge_of(directory, ana, *ids)
        await directory.contact_merges.keep(merge)
        assert await _all_of(directory, ana, ids) != before
        await peer.contact_merges.undo(merge, at=minutes(10))
        assert await _all_of(directory, ana, ids) == before
        assert await directory.users.search("bia s", owner=ana, limit=9) == [people[1]]
        await directory.contact_merges.undo(merge, at=minutes(11))
        kept = await peer.contact_merges.get(ana, merge.id)
        assert kept == replace(merge, undone_at=minutes(10))

    async def test_a_merge_of_what_was_merged_is_undone_in_its_turn(
        self, directory: Directory, ana: UserId, people: list[User]
    ) -> None:
        first, second, third = (one.id for one in people)
        inner = await merge_of(directory, ana, second, third)
        await directory.contact_merges.keep(inner)
        between = await _all_of(directory, ana, [first, second, third])
        outer = await merge_of(directory, ana, first, second)
        assert [one.id for one in outer.merged] == [second]
        await directory.contact_merges.keep(outer)
        assert await directory.contact_merges.person(third) == [first, *sorted([second, third])]
        with pytest.raises(ContactChanged, match=f"{second} was merged into {first}"):
            await directory.contact_merges.undo(inner, at=minutes(10))
        await directory.contact_merges.undo(outer, at=minutes(10))
        assert await _all_of(directory, ana, [first, second, third]) == between
        await directory.contact_merges.undo(inner, at=minutes(11))
        assert await directory.contact_merges.person(third) == [third]

    async def test_the_last_merge_into_a_contact_is_undone_first(
        self, directory: Directory, ana: UserId, people: list[User]
    ) -> None:
        first, second, third = (one.id for one in people)
        one = await merge_of(directory, ana, first, second)
        await directory.contact_merges.keep(one)
        other = await merge_of(directory, ana, first, third)
        assert [each.id for each in other.merged] == [third]
        await directory.contact_merges.keep(other)
        with pytest.raises(ContactChanged, match=f"{other.id} came after"):
            await directory.contact_merges.undo(one, at=minutes(10))
        assert await directory.contact_merges.page(ana, limit=9) == [other, one]
        assert await directory.contact_merges.page(ana, kept=first, after=other.id, limit=9) == [
            one
        ]
        assert await directory.contact_merges.page(ana, kept=second, limit=9) == []

    @pytest.mark.parametrize("change", ["rename", "prefer", "unlink", "link", "relink", "remove"])
    async def test_what_was_changed_is_neither_merged_nor_undone(
        self, directory: Directory, peer: Directory, ana: UserId, people: list[User], change: str
    ) -> None:
        kept, second = people[0], people[1]
        early = await merge_of(directory, ana, kept.id, second.id)
        merge = replace(early, id=MergeId(new_id()))
        await directory.contact_merges.keep(merge)
        await self._change(directory, change, kept.id, second.id)
        before = await _all_of(directory, ana, [kept.id, second.id])
        with pytest.raises(ContactChanged):
            await peer.contact_merges.undo(merge, at=minutes(10))
        with pytest.raises(ContactChanged):
            await peer.contact_merges.keep(early)
        assert await _all_of(directory, ana, [kept.id, second.id]) == before
        undone = await peer.contact_merges.get(ana, merge.id)
        assert undone is None or undone.undone_at is None

    async def _change(
        self, directory: Directory, change: str, kept: UserId, second: UserId
    ) -> None:
        user = (await directory.users.get_many([kept]))[kept]
        of_second = (await directory.channels.of_users([second]))[second][0]
        match change:
            case "rename":
                await directory.users.update(replace(user, display_name="Beatriz"))
            case "prefer":
                await directory.users.update(replace(user, preferred_channel=None))
            case "unlink":
                await directory.channels.unlink(kept, of_second.id)
            case "link":
                await directory.channels.link(identity(kept, "new"))
            case "relink":
                await directory.channels.relink(of_second.id, kept)
            case _:
                await directory.users.remove(second)

    async def test_whoever_is_deleted_is_so_with_all_that_was_merged(
        self, directory: Directory, peer: Directory, ana: UserId, people: list[User]
    ) -> None:
        ids = [one.id for one in people]
        inner = await merge_of(directory, ana, *ids[1:])
        await directory.contact_merges.keep(inner)
        outer = await merge_of(directory, ana, *ids[:2])
        await directory.contact_merges.keep(outer)
        await directory.users.remove(ids[0])
        assert await peer.users.get_many(ids) == {}
        assert await peer.channels.of_users(ids) == {}
        for merge in (inner, outer):
            kept = await peer.contact_merges.get(ana, merge.id)
            assert kept == replace(merge, before=(), display_name="")

    async def test_an_address_becomes_reachable_and_a_merge_can_be_undone(
        self, directory: Directory, ana: UserId, people: list[User]
    ) -> None:
        seen = replace(identity(people[1].id, "seen"), reachable=False)
        await directory.channels.link(seen)
        merge = await merge_of(directory, ana, people[0].id, people[1].id)
        await directory.contact_merges.keep(merge)
        await directory.channels.set_reachable(seen.id)
        await directory.contact_merges.undo(merge, at=minutes(10))
        found = (await directory.channels.of_users([people[1].id]))[people[1].id]
        assert replace(seen, reachable=True) in found

    async def test_merges_are_their_owner_s(
        self, directory: Directory, ana: UserId, people: list[User]
    ) -> None:
        [eva] = await add_people(directory, "eva")
        ids = [one.id for one in people]
        merge = await merge_of(directory, ana, *ids)
        await directory.contact_merges.keep(merge)
        assert await directory.contact_merges.states(eva, ids) == {}
        assert await directory.contact_merges.states(ana, [ana]) == {}
        assert await directory.contact_merges.get(eva, merge.id) is None
        assert await directory.contact_merges.page(eva, limit=9) == []
        with pytest.raises(ContactChanged):
            await directory.contact_merges.keep(replace(merge, id=MergeId(new_id()), owner=eva))

    async def test_of_two_merges_with_one_contact_at_once_one_is_kept(
        self, directory: Directory, peer: Directory, ana: UserId, people: list[User]
    ) -> None:
        first, second, third = (one.id for one in people)
        merges = [
            await merge_of(directory, ana, first, second),
            await merge_of(directory, ana, third, second),
            await merge_of(directory, ana, second, third),
        ]
        results = await asyncio.gather(
            *(
                where.contact_merges.keep(one)
                for where, one in zip((directory, peer, peer), merges, strict=True)
            ),
            return_exceptions=True,
        )
        assert sum(isinstance(one, ContactChanged) for one in results) == 2
        assert results.count(None) == 1
        assert len(await directory.contact_merges.page(ana, limit=9)) == 1

    async def test_a_batch_does_not_change_who_was_merged(
        self, directory: Directory, ana: UserId, people: list[User]
    ) -> None:
        kept, second = people[0].id, people[1].id
        await directory.contact_merges.keep(await merge_of(directory, ana, kept, second))
        with pytest.raises(UserNotFound):
            await directory.contact_batches.keep(ContactBatch(owner=ana, names={second: "New"}))
        await directory.contact_batches.keep(ContactBatch(owner=ana, names={kept: "New"}))
        assert (await directory.users.get_many([second]))[second].display_name == "New"

    async def test_what_can_no_longer_be_undone_is_forgotten(
        self, directory: Directory, ana: UserId, people: list[User]
    ) -> None:
        first, second, third = (one.id for one in people)
        old = await merge_of(directory, ana, first, second)
        await directory.contact_merges.keep(old)
        late = MERGED + UNDO_FOR + timedelta(seconds=1)
        new = await merge_of(directory, ana, first, third, at=late)
        await directory.contact_merges.keep(new)
        assert await directory.contact_merges.page(ana, limit=9) == [new]
        assert await directory.contact_merges.person(second) == [first, *sorted([second, third])]


async def _all_of(directory: Directory, owner: UserId, ids: list[UserId]) -> list[object]:
    """Return all that a merge could touch, as it is kept and as it is shown."""
    merges = directory.contact_merges
    return [
        await merges.states(owner, ids),
        await directory.users.get_many(ids),
        await directory.channels.of_users(ids),
        await directory.users.search("", owner=owner, limit=99),
    ]
