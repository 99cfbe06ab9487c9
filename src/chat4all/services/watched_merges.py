"""What a cache forgets where several contacts are one person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from chat4all.domain.contact_merges import ContactMerge, ContactState
from chat4all.domain.errors import Unavailable
from chat4all.domain.ids import MergeId, UserId
from chat4all.ports.contact_merges import ContactMerges
from chat4all.services.directory_cache import Kept, Key


class Cache(Protocol):
    """Who is told of every change."""

    async def changed(self, what: Kept, key: Key | None = None) -> None:
        """Forget what is kept under `key`, or everything of that kind."""
        ...


class PersonNews:
    """Forgets with a user all who are one person with them: they are shown by one another."""

    def __init__(self, merges: ContactMerges, cache: Cache) -> None:
        self._merges = merges
        self._cache = cache

    async def changed(self, what: Kept, key: Key | None = None) -> None:
        """Forget it, and of a user the same for the rest of the person."""
        await self._cache.changed(what, key)
        if isinstance(key, str):
            try:
                others = await self._merges.person(UserId(key))
            except Unavailable:
                await self._cache.changed(what)
            else:
                for one in others:
                    if one != key:
                        await self._cache.changed(what, one)

    async def all_changed(self, users: Collection[UserId]) -> None:
        """Forget these users, and their channels."""
        for user in users:
            await self._cache.changed(Kept.USERS, user)
            await self._cache.changed(Kept.CHANNELS, user)


class WatchedMerges:
    """`ContactMerges` whose merges are seen at once."""

    def __init__(self, merges: ContactMerges, news: PersonNews) -> None:
        self._merges = merges
        self._news = news

    async def person(self, user: UserId) -> Sequence[UserId]:
        """See `ContactMerges.person`."""
        return await self._merges.person(user)

    async def states(
        self, owner: UserId, contacts: Collection[UserId]
    ) -> Mapping[UserId, ContactState]:
        """See `ContactMerges.states`."""
        return await self._merges.states(owner, contacts)

    async def keep(self, merge: ContactMerge) -> None:
        """Merge, and forget how everybody concerned was shown."""
        try:
            await self._merges.keep(merge)
        finally:
            await self._news.all_changed([one.id for one in merge.before])

    async def undo(self, merge: ContactMerge, *, at: datetime) -> None:
        """Undo a merge, and forget how everybody concerned was shown."""
        try:
            await self._merges.undo(merge, at=at)
        finally:
            await self._news.all_changed([one.id for one in merge.before])

    async def get(self, owner: UserId, merge: MergeId) -> ContactMerge | None:
        """See `ContactMerges.get`."""
        return await self._merges.get(owner, merge)

    async def page(
        self,
        owner: UserId,
        *,
        kept: UserId | None = None,
        after: MergeId | None = None,
        limit: int,
    ) -> Sequence[ContactMerge]:
        """See `ContactMerges.page`."""
        return await self._merges.page(owner, kept=kept, after=after, limit=limit)
