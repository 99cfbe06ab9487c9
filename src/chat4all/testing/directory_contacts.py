"""The duties of `ContactBatches`."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from chat4all.domain.errors import ChannelTaken, Conflict, UserNotFound
from chat4all.ports.contacts import ContactBatch, PlatformAddress
from chat4all.ports.directory import Directory
from chat4all.testing.directory_examples import add_people, contact, identity
from chat4all.testing.directory_merges import merge_of


def at(external_id: str) -> PlatformAddress:
    """Return an address on the example platform."""
    return PlatformAddress("pigeon", external_id)


class ContactBatchesContract:
    """Duties of `ContactBatches`."""

    async def test_a_batch_is_kept_whole(self, directory: Directory, peer: Directory) -> None:
        [ana] = await add_people(directory, "ana")
        old, bia, cai = (contact(ana, name) for name in ("551199", "Bia", "Cai"))
        await directory.users.add(old)
        channels = [identity(bia.id, "1"), identity(cai.id, "2"), identity(old.id, "3")]
        batch = ContactBatch(
            owner=ana, contacts=[bia, cai], names={old.id: "Dora"}, channels=channels
        )
        assert batch.changed == {old.id}
        await directory.contact_batches.keep(batch)
        dora = replace(old, display_name="Dora")
        assert await peer.users.search("", owner=ana, limit=9) == sorted(
            [bia, cai, dora], key=lambda one: one.id
        )
        assert await peer.users.search("dor", owner=ana, limit=9) == [dora]
        assert await peer.users.search("5511", owner=ana, limit=9) == []
        found = await peer.channels.of_users([bia.id, cai.id, old.id])
        assert [found[one.id] for one in (bia, cai, old)] == [[one] for one in channels]

    async def test_holders_are_found_on_every_account(self, directory: Directory) -> None:
        ana, bia = await add_people(directory, "ana", "bia")
        anywhere = await directory.channels.link(identity(ana, "1"))
        exact = await directory.channels.link(identity(bia, "1", account="bot"))
        other = await directory.channels.link(identity(bia, "2"))
        await directory.channels.link(identity(bia, "3"))
        raven = PlatformAddress("raven", "3")
        found = await directory.contact_batches.holders([at("1"), at("2"), at("9"), raven])
        held = {channel.id: user.id for channel, user in found}
        assert held == {anywhere.id: ana, exact.id: bia, other.id: bia}
        assert await directory.contact_batches.holders([]) == []

    @pytest.mark.parametrize("account", [None, "bot"])
    async def test_nothing_is_kept_when_another_contact_has_an_address(
        self, directory: Directory, peer: Directory, account: str | None
    ) -> None:
        [ana] = await add_people(directory, "ana")
        old, new = contact(ana, "Old"), contact(ana, "New")
        await directory.users.add(old)
        await peer.channels.link(identity(old.id, "1", account=account))
        batch = ContactBatch(
            owner=ana, contacts=[new], channels=[identity(new.id, "0"), identity(new.id, "1")]
        )
        with pytest.raises(ChannelTaken):
            await directory.contact_batches.keep(batch)
        assert await peer.users.search("", owner=ana, limit=9) == [old]
        assert await peer.contact_batches.holders([at("0")]) == []

    async def test_a_stranger_s_address_is_taken_on_the_same_account_alone(
        self, directory: Directory
    ) -> None:
        ana, bia = await add_people(directory, "ana", "bia")
        theirs, mine, other = contact(bia, "Cai"), contact(ana, "Cai"), contact(ana, "Cai")
        await directory.users.add(theirs)
        await directory.channels.link(identity(theirs.id, "1", account="bot"))
        batch = ContactBatch(owner=ana, contacts=[mine], channels=[identity(mine.id, "1")])
        await directory.contact_batches.keep(batch)
        taken = identity(other.id, "1", account="bot")
        with pytest.raises(ChannelTaken):
            await directory.contact_batches.keep(
                ContactBatch(owner=ana, contacts=[other], channels=[taken])
            )

    async def test_nothing_is_kept_for_a_contact_that_is_gone(self, directory: Directory) -> None:
        [ana] = await add_people(directory, "ana")
        gone, new = contact(ana, "Gone"), contact(ana, "New")
        await directory.users.add(gone)
        await directory.users.remove(gone.id)
        for more in (
            ContactBatch(owner=ana, contacts=[new], names={gone.id: "Back"}),
            ContactBatch(owner=ana, contacts=[new], channels=[identity(gone.id, "1")]),
        ):
            with pytest.raises(UserNotFound):
                await directory.contact_batches.keep(more)
        with pytest.raises(Conflict):
            await directory.contact_batches.keep(ContactBatch(owner=ana, contacts=[new, gone]))
        assert await directory.users.search("", owner=ana, limit=9) == []

    async def test_of_batches_with_one_address_at_once_one_is_kept(
        self, directory: Directory, peer: Directory
    ) -> None:
        [ana] = await add_people(directory, "ana")
        people = [contact(ana, f"Bia {number}") for number in range(4)]
        results = await asyncio.gather(
            *(
                where.contact_batches.keep(
                    ContactBatch(owner=ana, contacts=[one], channels=[identity(one.id, "1")])
                )
                for where, one in zip((directory, peer) * 2, people, strict=True)
            ),
            return_exceptions=True,
        )
        assert sum(isinstance(one, ChannelTaken) for one in results) == 3
        assert len(await directory.users.search("", owner=ana, limit=9)) == 1

    async def test_a_large_batch_is_kept(self, directory: Directory) -> None:
        [ana] = await add_people(directory, "ana")
        people = [contact(ana, f"Bia {number}") for number in range(700)]
        channels = [identity(one.id, str(number)) for number, one in enumerate(people)]
        batch = ContactBatch(owner=ana, contacts=people, channels=channels)
        await directory.contact_batches.keep(batch)
        found = await directory.contact_batches.holders([at(str(n)) for n in range(700)])
        assert {channel.id for channel, _ in found} == {one.id for one in channels}

    async def test_an_address_of_the_owner_is_not_a_contact_s(self, directory: Directory) -> None:
        [ana] = await add_people(directory, "ana")
        await directory.channels.link(identity(ana, "1", account="bot"))
        new = contact(ana, "Me")
        channel = identity(new.id, "1")
        with pytest.raises(ChannelTaken):
            await directory.contact_batches.keep(
                ContactBatch(owner=ana, contacts=[new], channels=[channel])
            )

    async def test_ids_that_several_contacts_have_are_told(
        self, directory: Directory, peer: Directory
    ) -> None:
        ana, eva = await add_people(directory, "ana", "eva")
        bia, cai, davi = (contact(ana, name) for name in ("Bia", "Cai", "Davi"))
        theirs = contact(eva, "Davi")
        for one in (bia, cai, davi, theirs):
            await directory.users.add(one)
        linked = [
            await directory.channels.link(one)
            for one in (
                identity(bia.id, "+5511", minute=1),
                replace(identity(cai.id, "5511"), platform="raven"),
                identity(bia.id, "Bia@loft", minute=3),
                replace(identity(davi.id, "bia@LOFT", minute=2), platform="raven"),
                identity(cai.id, "7", account="bot"),
                replace(identity(cai.id, "7"), platform="raven"),
                identity(davi.id, "8", account="bot"),
                identity(theirs.id, "8"),
            )
        ]
        found = await peer.contact_batches.shared(ana, limit=9)
        told = {one.key: list(one.channels) for one in found}
        assert told == {"5511": [linked[1], linked[0]], "bia@loft": [linked[3], linked[2]]}
        [first] = await peer.contact_batches.shared(ana, limit=1)
        [second] = await peer.contact_batches.shared(ana, after=first.key, limit=1)
        assert [first, second] == list(found)
        assert await peer.contact_batches.shared(ana, after=second.key, limit=1) == []
        assert await peer.contact_batches.shared(eva, limit=9) == []
        merge = await merge_of(directory, ana, bia.id, cai.id)
        await directory.contact_merges.keep(merge)
        assert [one.key for one in await peer.contact_batches.shared(ana, limit=9)] == ["bia@loft"]
