"""A change is forgotten by the cache also when whoever made it gave up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from chat4all.domain.ids import AccountId, ConversationId, MergeId, new_id
from chat4all.ports.contacts import ContactBatch
from chat4all.services.directory_cache import DirectoryCache
from chat4all.services.people import People
from chat4all.services.watched_directory import WatchedDirectory
from chat4all.testing.directory_accounts import account
from chat4all.testing.directory_examples import contact, identity
from chat4all.testing.directory_merges import merge_of


async def test_a_cancelled_change_leaves_nothing_stale(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = town.directory.members.remove

    async def slow(*who: Any) -> bool:
        await remove(*who)
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(town.directory.members, "remove", slow)
    cache = DirectoryCache(town.directory)
    watched = WatchedDirectory(town.directory, cache)
    before = await cache.conversations.get(town.group)
    assert before is not None
    assert before.member(town.bia)
    removing = asyncio.create_task(watched.members.remove(town.group, town.bia))
    await asyncio.sleep(0)
    removing.cancel()
    await asyncio.gather(removing, return_exceptions=True)
    after = await cache.conversations.get(town.group)
    assert after is not None
    assert after.member(town.bia) is None


async def test_routes_and_accounts_are_read_once_and_follow_their_changes(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = DirectoryCache(town.directory)
    watched = WatchedDirectory(town.directory, cache)
    people = People(watched, cache)
    loft = account("loft")
    chat = ("pigeon", loft.id, "7")
    assert await people.accounts("pigeon") == []
    await watched.accounts.put(loft)
    assert await people.accounts("pigeon") == [loft]
    for talk in (ConversationId("here"), ConversationId("there")):
        await watched.routes.set(*chat, talk)
        assert await watched.routes.get(*chat) == talk
    reads: list[Any] = []
    monkeypatch.setattr(town.directory.routes, "get", reads.append)
    monkeypatch.setattr(town.directory.accounts, "list", reads.append)
    assert await watched.routes.get(*chat) == "there"
    assert await people.accounts("pigeon") == [loft]
    assert reads == []
    monkeypatch.undo()
    await watched.accounts.remove(AccountId("loft"))
    assert await people.accounts("pigeon") == []


async def test_a_merge_and_every_change_after_it_is_seen_by_the_whole_person(town: Any) -> None:
    cache = DirectoryCache(town.directory)
    watched = WatchedDirectory(town.directory, cache)
    people = People(watched, cache)
    davi, other = contact(town.ana, "Davi"), contact(town.ana, "Davi L.")
    for number, one in enumerate((davi, other)):
        await watched.users.add(one)
        await watched.channels.link(identity(one.id, f"{number}"))

    async def shown() -> tuple[str | None, int]:
        user = (await people.users([other.id])).get(other.id)
        channels = (await people.channels([other.id])).get(other.id, ())
        return (user.display_name if user else None, len(channels))

    assert await shown() == ("Davi L.", 1)
    merge = await merge_of(town.directory, town.ana, davi.id, other.id)
    await watched.contact_merges.keep(merge)
    assert await shown() == ("Everybody", 2)
    await watched.users.update(replace(davi, display_name="D."))
    added = await watched.channels.link(identity(davi.id, "new"))
    assert await shown() == ("D.", 3)
    await watched.contact_batches.keep(ContactBatch(owner=town.ana, names={davi.id: "Everybody"}))
    await watched.channels.unlink(davi.id, added.id)
    await watched.users.update(replace(davi, display_name="Everybody", preferred_channel="pigeon"))
    assert await shown() == ("Everybody", 2)
    await watched.contact_merges.undo(merge, at=merge.at)
    assert await shown() == ("Davi L.", 1)
    again = replace(merge, id=MergeId(new_id()))
    await watched.contact_merges.keep(again)
    assert await shown() == ("Everybody", 2)
    await watched.users.remove(davi.id)
    assert await shown() == (None, 0)
