"""What every `Uploads` must do, in the order in which a client meets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest

from chat4all.domain.errors import (
    InvalidInput,
    ObjectNotFound,
    OffsetConflict,
    TooLarge,
    UploadBusy,
    UploadNotFound,
)
from chat4all.ports.object_store import ObjectKey, ObjectStore, UploadToken
from chat4all.testing.object_store_storage import (
    MIME,
    ObjectStorage,
    Tap,
    a_key,
    began,
    pieces,
    put,
    source,
    whole,
)

PATIENCE = 30.0  # seconds after which something that should have come is a failure
NO_TOKENS = ("", "no-such-upload", "../objects/x", "a/b", "x" * 5000, "\0", "é", "..", ".")
NO_KEYS = (
    "",
    ".",
    "..",
    "../x",
    "a/../b",
    "a/./b",
    "/a",
    "a/",
    "a//b",
    "a b",
    "a\0b",
    "a\nb",
    "a\\b",
    "á",
    "a+b",
    "a%2fb",
    "x" * 201,
)


class LostConnection(Exception):
    """The source of an upload ended too early."""


async def breaking(start: int, end: int) -> AsyncIterator[bytes]:
    """Yield the example file from `start` up to `end`, then fail."""
    async for piece in pieces(start, end):
        yield piece
    raise LostConnection


class UploadsContract(ObjectStorage):
    """Writing: nothing is lost, nothing is mixed, nothing is seen too early."""

    async def test_an_upload_becomes_an_object(self, store: ObjectStore) -> None:
        size = self.scale * 2 + 12345
        key, token = await began(store, size)
        assert await store.uploads.offset(token) == 0
        assert await store.uploads.append(token, 0, pieces(0, size)) == size
        assert await store.uploads.offset(token) == size
        done = await store.uploads.complete(token)
        assert (done.key, done.size) == (key, size)
        assert abs(done.modified_at - datetime.now(UTC)) < timedelta(minutes=1)
        assert await store.stat(key) == done
        assert await whole(store, key) == source(0, size)

    async def test_an_empty_upload_becomes_an_empty_object(self, store: ObjectStore) -> None:
        key, token = await began(store, 0)
        assert (await store.uploads.complete(token)).size == 0
        assert await whole(store, key) == b""

    async def test_nothing_is_seen_before_the_upload_is_complete(self, store: ObjectStore) -> None:
        key, token = await began(store, 2)
        await store.uploads.append(token, 0, pieces(0, 1))
        with pytest.raises(OffsetConflict):
            await store.uploads.complete(token)
        assert await store.stat(key) is None
        assert [found async for found in store.objects()] == []
        with pytest.raises(ObjectNotFound):
            await whole(store, key)
        assert await store.uploads.append(token, 1, pieces(1, 2)) == 2
        await store.uploads.complete(token)
        assert await whole(store, key) == source(0, 2)

    async def test_appends_of_any_size_follow_each_other(self, store: ObjectStore) -> None:
        sizes = (1, 0, 7, self.scale - 1, 2, self.scale * 2 + 1, self.scale, 3)
        key, token = await began(store, sum(sizes))
        at = 0
        for size in sizes:
            assert await store.uploads.append(token, at, pieces(at, at + size)) == at + size
            at += size
            assert await store.uploads.offset(token) == at
        await store.uploads.complete(token)
        assert await whole(store, key) == source(0, at)

    async def test_pieces_may_be_tiny_empty_or_huge(self, store: ObjectStore) -> None:
        size = self.scale * 3

        async def uneven() -> AsyncIterator[bytes]:
            for at in range(3000):
                yield source(at, at + 1)
                yield b""
            yield source(3000, size)

        key, token = await began(store, size)
        assert await store.uploads.append(token, 0, uneven()) == size
        await store.uploads.complete(token)
        assert await whole(store, key) == source(0, size)

    @pytest.mark.parametrize("wrong", [0, 9, 11, 99, 10**9])
    async def test_an_append_elsewhere_keeps_nothing(self, store: ObjectStore, wrong: int) -> None:
        key, token = await began(store, 20)
        await store.uploads.append(token, 0, pieces(0, 10))
        with pytest.raises(OffsetConflict, match="10"):
            await store.uploads.append(token, wrong, pieces(500, 505))
        assert await store.uploads.offset(token) == 10
        await store.uploads.append(token, 10, pieces(10, 20))
        await store.uploads.complete(token)
        assert await whole(store, key) == source(0, 20)

    async def test_a_byte_too_many_is_refused_and_those_before_it_are_kept(
        self, store: ObjectStore
    ) -> None:
        size = self.scale + 17
        key, token = await began(store, size)
        await store.uploads.append(token, 0, pieces(0, 10))
        with pytest.raises(TooLarge):
            await store.uploads.append(token, 10, pieces(10, size + 1))
        assert await store.uploads.offset(token) == size
        with pytest.raises(TooLarge):
            await store.uploads.append(token, size, pieces(size, size + 1))
        await store.uploads.complete(token)
        assert await whole(store, key) == source(0, size)

    async def test_what_came_before_an_error_is_kept(self, store: ObjectStore) -> None:
        size = self.scale * 3
        key, token = await began(store, size)
        at = 0
        for end in (1000, self.scale + 5, self.scale * 2 + 1, self.scale * 2 + 2):
            with pytest.raises(LostConnection):
                await store.uploads.append(token, at, breaking(at, end))
            assert await store.uploads.offset(token) == end
            at = end
        await store.uploads.append(token, at, pieces(at, size))
        await store.uploads.complete(token)
        assert await whole(store, key) == source(0, size)

    async def test_a_cancelled_append_lets_go_of_the_upload(self, store: ObjectStore) -> None:
        size = self.scale * 2
        key, token = await began(store, size)
        tap = Tap(source(0, self.scale + 9), b"")
        appending = asyncio.create_task(store.uploads.append(token, 0, tap.flow()))
        async with asyncio.timeout(PATIENCE):
            await tap.waiting.wait()
        appending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await appending
        at = await store.uploads.offset(token)
        assert at == self.scale + 9
        await store.uploads.append(token, at, pieces(at, size))
        await store.uploads.complete(token)
        assert await whole(store, key) == source(0, size)

    async def test_a_second_append_at_the_same_time_is_refused(
        self, store: ObjectStore, peer: ObjectStore
    ) -> None:
        key, token = await began(store, 20)
        tap = Tap(source(0, 10), source(10, 20))
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            first = group.create_task(store.uploads.append(token, 0, tap.flow()))
            await tap.waiting.wait()
            for other in (store, peer):
                for offset in (0, 10):
                    with pytest.raises((UploadBusy, OffsetConflict)):
                        await other.uploads.append(token, offset, pieces(100, 105))
                with pytest.raises((UploadBusy, OffsetConflict)):
                    await other.uploads.complete(token)
            tap.open.set()
        assert first.result() == 20
        await peer.uploads.complete(token)
        assert await whole(store, key) == source(0, 20)

    async def test_of_many_appends_at_one_offset_one_is_taken(
        self, store: ObjectStore, peer: ObjectStore
    ) -> None:
        key, token = await began(store, 10)
        calls = [each.uploads.append(token, 0, pieces(0, 10)) for each in (store, peer) * 4]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert results.count(10) == 1
        refused = [result for result in results if result != 10]
        assert all(isinstance(one, UploadBusy | OffsetConflict) for one in refused), refused
        await store.uploads.complete(token)
        assert await whole(store, key) == source(0, 10)

    async def test_many_uploads_at_once_do_not_mix(
        self, store: ObjectStore, peer: ObjectStore
    ) -> None:
        async def one(node: ObjectStore, other: ObjectStore, size: int) -> None:
            key, token = await began(node, size)
            await node.uploads.append(token, 0, pieces(0, size // 2))
            await other.uploads.append(token, size // 2, pieces(size // 2, size))
            await node.uploads.complete(token)
            assert await whole(other, key) == source(0, size)

        sizes = range(self.scale // 2, self.scale // 2 + 12)
        await asyncio.gather(
            *(one(*((store, peer) if size % 2 else (peer, store)), size) for size in sizes)
        )

    async def test_completing_again_changes_nothing(
        self, store: ObjectStore, peer: ObjectStore
    ) -> None:
        key, token = await began(store, 10)
        await store.uploads.append(token, 0, pieces(0, 10))
        done = await store.uploads.complete(token)
        for node in (store, peer):
            assert await node.uploads.complete(token) == done
            with pytest.raises(UploadNotFound):
                await node.uploads.offset(token)
            with pytest.raises(UploadNotFound):
                await node.uploads.append(token, 10, pieces(0, 0))
        assert await whole(peer, key) == source(0, 10)

    async def test_completing_twice_at_once_makes_one_object(
        self, store: ObjectStore, peer: ObjectStore
    ) -> None:
        key, token = await began(store, 10)
        await store.uploads.append(token, 0, pieces(0, 10))
        calls = [each.uploads.complete(token) for each in (store, peer) * 3]
        results = await asyncio.gather(*calls, return_exceptions=True)
        done = await store.stat(key)
        assert done in results
        assert all(one == done or isinstance(one, UploadBusy) for one in results), results
        assert await whole(store, key) == source(0, 10)

    async def test_an_aborted_upload_is_forgotten(
        self, store: ObjectStore, peer: ObjectStore
    ) -> None:
        key, token = await began(store, self.scale * 2)
        await store.uploads.append(token, 0, pieces(0, self.scale + 1))
        await peer.uploads.abort(token)
        await store.uploads.abort(token)  # a repeat is no error
        for node in (store, peer):
            with pytest.raises(UploadNotFound):
                await node.uploads.offset(token)
            with pytest.raises(UploadNotFound):
                await node.uploads.append(token, self.scale + 1, pieces(0, 10))
            with pytest.raises(UploadNotFound):
                await node.uploads.complete(token)
        assert await store.stat(key) is None

    async def test_aborting_a_complete_upload_leaves_the_object(self, store: ObjectStore) -> None:
        key, token = await began(store, 10)
        await store.uploads.append(token, 0, pieces(0, 10))
        await store.uploads.complete(token)
        await store.uploads.abort(token)
        assert await whole(store, key) == source(0, 10)

    async def test_an_abort_ends_the_append_that_is_at_it(
        self, store: ObjectStore, peer: ObjectStore
    ) -> None:
        key, token = await began(store, 20)
        tap = Tap(source(0, 10), source(10, 20))
        appending = asyncio.create_task(store.uploads.append(token, 0, tap.flow()))
        async with asyncio.timeout(PATIENCE):
            await tap.waiting.wait()
            await peer.uploads.abort(token)
            tap.open.set()
            with pytest.raises(UploadNotFound):
                await appending
        with pytest.raises(UploadNotFound):
            await peer.uploads.offset(token)
        assert await store.stat(key) is None

    @pytest.mark.parametrize("token", NO_TOKENS)
    async def test_a_token_that_was_never_given_is_not_found(
        self, store: ObjectStore, token: str
    ) -> None:
        unknown = UploadToken(token)
        with pytest.raises(UploadNotFound):
            await store.uploads.offset(unknown)
        with pytest.raises(UploadNotFound):
            await store.uploads.append(unknown, 0, pieces(0, 10))
        with pytest.raises(UploadNotFound):
            await store.uploads.complete(unknown)
        await store.uploads.abort(unknown)

    @pytest.mark.parametrize("key", NO_KEYS)
    async def test_a_key_that_could_lead_elsewhere_is_refused(
        self, store: ObjectStore, key: str
    ) -> None:
        bad = ObjectKey(key)
        with pytest.raises(InvalidInput):
            await store.uploads.begin(bad, size=1, mime_type=MIME)
        with pytest.raises(InvalidInput):
            await store.stat(bad)
        with pytest.raises(InvalidInput):
            await whole(store, bad)
        with pytest.raises(InvalidInput):
            await store.delete(bad)

    async def test_unfinished_uploads_can_be_found(
        self, store: ObjectStore, peer: ObjectStore
    ) -> None:
        before = datetime.now(UTC) - timedelta(seconds=2)
        _, standing = await began(store, 10)
        _, halfway = await began(store, 10)
        await store.uploads.append(halfway, 0, pieces(0, 5))
        _, aborted = await began(store, 10)
        await store.uploads.abort(aborted)
        await put(store, a_key(), 10)
        found = {token: at async for token, at in peer.unfinished()}
        assert found.keys() == {standing, halfway}
        after = datetime.now(UTC) + timedelta(seconds=2)
        assert all(before <= at <= after for at in found.values())
        await peer.uploads.append(halfway, 5, pieces(5, 10))  # by the token that was found
        for token in found:
            await peer.uploads.abort(token)
        assert [one async for one in store.unfinished()] == []

    async def test_a_listing_of_the_unfinished_may_be_left(self, store: ObjectStore) -> None:
        for _ in range(3):
            await began(store, 10)
        async with aclosing(store.unfinished()) as found:  # type: ignore[type-var] # the port says iterator
            async for _ in found:
                break
