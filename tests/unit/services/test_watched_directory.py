"""A change is forgotten by the cache also when whoever made it gave up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chat4all.services.directory_cache import DirectoryCache
from chat4all.services.watched_directory import WatchedDirectory


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
