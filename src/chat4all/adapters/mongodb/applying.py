"""Storing batches one after the other, and finishing those that were left.

A batch stands in `batches` from before its first effect until after its last, and while it
does, its partitions are taken (a unique index). So a batch that was begun is finished: by
who began it, or when that one ended, by the next who opens the database, who watches, or
who wants to write to the same partition.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self

import structlog
from pymongo.errors import DuplicateKeyError, PyMongoError

from chat4all.adapters.mongodb.batch import batch_of
from chat4all.adapters.mongodb.carry_out import carry_out
from chat4all.adapters.mongodb.connection import Connection
from chat4all.adapters.mongodb.errors import translated
from chat4all.adapters.mongodb.schema import Database, Document
from chat4all.domain.errors import Chat4AllError, StaleSequence, Unavailable
from chat4all.ports.message_store import Effects

log = structlog.get_logger(__name__)

WATCH_SECONDS = 2.0
"""A batch that is seen twice in this distance, and that nobody took over meanwhile, was left."""


class MongoApplying(Connection):
    """`apply`, and reading that sees what was applied before."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._turn = asyncio.Lock()
        self._applying: set[asyncio.Task[None]] = set()
        self._unfinished: Document | None = None
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        try:
            with translated():
                await self._finish_left({})
        except BaseException:
            await self._close()
            raise
        self._watch = asyncio.create_task(self._watch_batches())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self._applied()
        await super().__aexit__(kind, error, trace)

    def apply(self, effects: Effects) -> Coroutine[Any, Any, None]:
        """Store effects; see the port. They must not be changed any more.

        Begins at the call, not when first awaited: a read that starts before the task of
        this call does sees the effects as well. Raises `TooLarge` for effects that make
        more than 16 MiB together; a part of them may do.
        """
        task = asyncio.ensure_future(self._apply(effects))
        self._applying.add(task)
        task.add_done_callback(self._applying.discard)
        task.add_done_callback(_heard)
        return _outcome(task)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Database]:
        """Yield the database once it has all effects applied before; errors are ours."""
        await self._applied()
        with translated():
            if self._unfinished is not None:
                async with self._turn:
                    await self._finish_former()
            yield self.database

    async def _applied(self) -> None:
        if self._applying:
            await asyncio.wait(set(self._applying))

    async def _apply(self, effects: Effects) -> None:
        batch = batch_of(effects)
        if batch is None:
            return
        async with self._turn:
            with translated():
                await self._finish_former()
                self._unfinished = batch
                await self._finish_own()

    async def _finish_former(self) -> None:
        """Finish what `Unavailable` was raised for; one that came too late is no more."""
        with suppress(StaleSequence):
            await self._finish_own()

    async def _finish_own(self) -> None:
        """Carry out the batch of this object, from where it stands."""
        batch = self._unfinished
        if batch is None:
            return
        try:
            await self._write_down(batch)
            await carry_out(self.database, batch)
        except (PyMongoError, Unavailable):
            raise  # a part of it may be stored: the next call goes on
        except BaseException:
            self._unfinished = None
            raise
        self._unfinished = None

    async def _write_down(self, batch: Document) -> None:
        """Keep the batch, so that it is finished whatever happens. Raises `StaleSequence`."""
        try:
            await self.database["batches"].insert_one(batch)
        except DuplicateKeyError:
            if await self._is_there(batch):
                return
            await self._finish_left({"partitions": {"$in": batch["partitions"]}})
            raise StaleSequence(
                "another router was at the same partition: read the head again and retry"
            ) from None

    async def _is_there(self, batch: Document) -> bool:
        return await self.database["batches"].find_one({"_id": batch["_id"]}) is not None

    async def _finish_left(self, which: Document) -> None:
        """Finish batches of others; one that cannot be is removed."""
        async for batch in self.database["batches"].find(which).sort("_id", 1):
            log.warning("a batch that was left is finished", batch=batch["_id"])
            try:
                await carry_out(self.database, batch)
            except StaleSequence as error:
                log.warning("a batch was too late", batch=batch["_id"], detail=str(error))

    async def _watch_batches(self) -> None:
        seen: dict[str, int] = {}
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                with translated():
                    found = self.database["batches"].find({}, {"_id": 1, "tries": 1})
                    there = {one["_id"]: one.get("tries", 0) async for one in found}
                    for name, tries in sorted(there.items()):
                        if seen.get(name) == tries and not self._is_own(name):
                            await self._take_over(name, tries)
                    seen = there
            except Chat4AllError as error:
                log.warning("cannot look for batches that were left", detail=str(error))

    async def _take_over(self, name: str, tries: int) -> None:
        """Finish a batch of another, unless one of the many that watch was first to take it."""
        as_seen = {"_id": name, "tries": tries or {"$exists": False}}
        taken = await self.database["batches"].update_one(as_seen, {"$inc": {"tries": 1}})
        if taken.modified_count:
            await self._finish_left({"_id": name})

    def _is_own(self, name: str) -> bool:
        return self._unfinished is not None and self._unfinished["_id"] == name


def _heard(done: asyncio.Task[None]) -> None:
    """Take note of the outcome, for a caller that went away."""
    if not done.cancelled():
        done.exception()


async def _outcome(task: asyncio.Task[None]) -> None:
    # Shielded: a caller that goes away must not make readers believe it is over.
    await asyncio.shield(task)
