"""What the hot path knows of the directory without asking it each time."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from chat4all.domain.directory import Account, Channel, Conversation
from chat4all.domain.group_chats import ChatKey, GroupChat
from chat4all.domain.ids import ConversationId, UserId
from chat4all.ports.directory import Directory

K = TypeVar("K")
V = TypeVar("V")

CONVERSATIONS = 20_000
"""Conversations kept; a group of ten takes about 3 KiB."""
USERS = 50_000
"""Users kept, and as many times the channels of one user, and routes of chats."""
PLATFORMS = 1_000
"""Platforms whose accounts are kept."""
SHARED_AGE = 30.0
"""Seconds after which a value is read anew where other processes change the directory too."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """For how long what was read counts: `max_age` seconds; None for until a change is told."""

    max_age: float | None = None
    clock: Callable[[], float] = time.monotonic


UNTIL_TOLD = Freshness()
Key = str | ChatKey


class Kept(StrEnum):
    """What a directory cache keeps, each under ids of its own."""

    CONVERSATIONS = "conversations"
    USERS = "users"
    CHANNELS = "channels"
    GROUP_CHATS = "group_chats"
    ROUTES = "routes"
    ACCOUNTS = "accounts"


class DirectoryCache:
    """What each message asks of the directory, as last read.

    Whoever changes one of them calls `changed` after the change is stored, and every later
    read sees it. What does not exist is asked for again each time; that a user has no
    channels, or a conversation no group of a platform, is an answer, and kept.

    Where other processes change the directory, `DirectoryNews` tells of it, and `fresh`
    bounds for how long a change can go unseen whose news was lost.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        conversations: int = CONVERSATIONS,
        users: int = USERS,
        fresh: Freshness = UNTIL_TOLD,
    ) -> None:
        self._directory = directory
        self.conversations = LoadingCache(self._load_conversations, size=conversations, fresh=fresh)
        self.users = LoadingCache(directory.users.get_many, size=users, fresh=fresh)
        self.channels = LoadingCache(self._load_channels, size=users, fresh=fresh)
        self.group_chats = LoadingCache(self._load_group_chats, size=conversations, fresh=fresh)
        self.routes = LoadingCache(self._load_routes, size=users, fresh=fresh)
        self.accounts = LoadingCache(self._load_accounts, size=PLATFORMS, fresh=fresh)
        self._caches: Mapping[Kept, LoadingCache[Any, Any]] = {
            Kept.CONVERSATIONS: self.conversations,
            Kept.USERS: self.users,
            Kept.CHANNELS: self.channels,
            Kept.GROUP_CHATS: self.group_chats,
            Kept.ROUTES: self.routes,
            Kept.ACCOUNTS: self.accounts,
        }

    async def changed(self, what: Kept, key: Key | None = None) -> None:
        """Forget what is kept under `key`, or everything of that kind."""
        self.forget(what, key)

    def forget(self, what: Kept, key: Key | None = None) -> None:
        """Forget what is kept under `key`, or everything of that kind."""
        if key is None:
            self._caches[what].clear()
        else:
            self._caches[what].invalidate(key)

    def clear(self) -> None:
        """Forget everything: changes may have been missed."""
        for cache in self._caches.values():
            cache.clear()

    async def _load_conversations(
        self, ids: Collection[ConversationId]
    ) -> Mapping[ConversationId, Conversation]:
        loaded = [(one, await self._directory.conversations.get(one)) for one in ids]
        return {one: found for one, found in loaded if found is not None}

    async def _load_group_chats(
        self, ids: Collection[ConversationId]
    ) -> Mapping[ConversationId, Sequence[GroupChat]]:
        return {one: tuple(await self._directory.group_chats.of(one)) for one in ids}

    async def _load_routes(self, chats: Collection[ChatKey]) -> Mapping[ChatKey, ConversationId]:
        routes = self._directory.routes
        loaded = [
            (one, await routes.get(one.platform, one.account_id, one.address)) for one in chats
        ]
        return {one: found for one, found in loaded if found is not None}

    async def _load_accounts(self, platforms: Collection[str]) -> Mapping[str, Sequence[Account]]:
        accounts = self._directory.accounts
        return {one: tuple(await accounts.list(platform=one)) for one in platforms}

    async def _load_channels(self, users: Collection[UserId]) -> Mapping[UserId, Sequence[Channel]]:
        found = await self._directory.channels.of_users(list(users))
        return {user: tuple(found.get(user, ())) for user in users}


class LoadingCache(Generic[K, V]):
    """The `size` values used last, each read by `load` when it is first asked for.

    Callers who ask for the same key at once share one load. A load that began before
    `invalidate` is neither kept nor given to those who ask after it. The age of a value
    counts from when its load began. For one event loop.
    """

    def __init__(
        self,
        load: Callable[[Collection[K]], Awaitable[Mapping[K, V]]],
        *,
        size: int,
        fresh: Freshness = UNTIL_TOLD,
    ) -> None:
        self._load = load
        self._size = size
        self._max_age = math.inf if fresh.max_age is None else fresh.max_age
        self._clock = fresh.clock
        self._kept: OrderedDict[K, tuple[V, float]] = OrderedDict()
        self._loading: dict[K, asyncio.Task[Mapping[K, V]]] = {}
        # The loop keeps only weak references to tasks.
        self._tasks: set[asyncio.Task[Mapping[K, V]]] = set()

    def __len__(self) -> int:
        return len(self._kept)

    def peek(self, key: K) -> V | None:
        """Return the value when it is kept, without waiting."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        value, until = kept
        if until <= self._clock():
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return value

    async def get(self, key: K) -> V | None:
        """Return the value, loading it when it is not kept; None when there is none."""
        value = self.peek(key)
        if value is not None:
            return value
        return (await self.get_many((key,))).get(key)

    async def get_many(self, keys: Iterable[K]) -> Mapping[K, V]:
        """Return the values that there are; those not kept are loaded together."""
        found: dict[K, V] = {}
        missing: list[K] = []
        loads: dict[asyncio.Task[Mapping[K, V]], list[K]] = {}
        for key in dict.fromkeys(keys):
            if (value := self.peek(key)) is not None:
                found[key] = value
            elif (task := self._loading.get(key)) is not None:
                loads.setdefault(task, []).append(key)
            else:
                missing.append(key)
        if missing:
            loads[self._start(missing)] = missing
        for task, wanted in loads.items():
            # Shielded: that one caller gives up must not fail the others.
            loaded = await asyncio.shield(task)
            found.update((key, loaded[key]) for key in wanted if key in loaded)
        return found

    def invalidate(self, key: K) -> None:
        """Forget a value; the next read loads it anew."""
        self._kept.pop(key, None)
        self._loading.pop(key, None)

    def clear(self) -> None:
        """Forget all values."""
        self._kept.clear()
        self._loading.clear()

    def _start(self, keys: Collection[K]) -> asyncio.Task[Mapping[K, V]]:
        task = asyncio.create_task(self._read(keys))
        until = self._clock() + self._max_age
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._finish(keys, done, until))
        self._loading.update((key, task) for key in keys)
        return task

    async def _read(self, keys: Collection[K]) -> Mapping[K, V]:
        return await self._load(keys)

    def _finish(self, keys: Collection[K], task: asyncio.Task[Mapping[K, V]], until: float) -> None:
        self._tasks.discard(task)
        failed = task.cancelled() or task.exception() is not None
        for key in keys:
            if self._loading.get(key) is not task:
                continue  # invalidated since the load began
            del self._loading[key]
            if not failed and key in task.result():
                self._keep(key, task.result()[key], until)

    def _keep(self, key: K, value: V, until: float) -> None:
        self._kept[key] = (value, until)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
