"""What every `ObjectStore` must do for those who read, list and remove."""

from __future__ import annotations

import asyncio

import pytest

from chat4all.domain.errors import ObjectNotFound, Unavailable
from chat4all.ports.object_store import ObjectKey, ObjectStore
from chat4all.testing.object_store_storage import ObjectStorage, a_key, put, source, whole

PIECE_LIMIT = 1 << 20
AT_ONCE = 16
TANGLED = ("0", "A/b", "_", "a-b", "a.b", "a/b", "a/b/c/d", "a0", "b", "-", "..a", "A", "a")


class ReadingContract(ObjectStorage):
    """Reading: exactly the bytes asked for, or an error."""

    async def test_any_range_is_what_was_stored(self, store: ObjectStore) -> None:
        size = self.scale * 2 + 77
        key = a_key()
        await put(store, key, size)
        edges = (0, 1, 1000, self.scale - 1, self.scale, PIECE_LIMIT + 1, size - 1, size)
        for start in edges:
            for end in (*(edge for edge in edges if edge >= start), None):
                got = await whole(store, key, start, end)
                assert got == source(start, size if end is None else end), (start, end)

    async def test_pieces_are_bounded(self, store: ObjectStore) -> None:
        key = a_key()
        await put(store, key, PIECE_LIMIT * 3)
        sizes = [len(piece) async for piece in store.read(key)]
        assert sum(sizes) == PIECE_LIMIT * 3
        assert min(sizes) > 0
        assert max(sizes) <= PIECE_LIMIT

    @pytest.mark.parametrize(("start", "end"), [(0, 11), (5, 11), (10, 11), (11, None), (12, 13)])
    async def test_a_range_beyond_the_object_is_an_error(
        self, store: ObjectStore, start: int, end: int | None
    ) -> None:
        key = a_key()
        await put(store, key, 10)
        with pytest.raises(Unavailable):
            await whole(store, key, start, end)

    async def test_what_is_not_there_is_not_found(self, store: ObjectStore) -> None:
        key = a_key()
        assert await store.stat(key) is None
        with pytest.raises(ObjectNotFound):
            await whole(store, key)
        with pytest.raises(ObjectNotFound):
            await whole(store, key, 3, 3)
        await store.delete(key)

    async def test_a_deleted_object_is_gone_for_every_node(
        self, store: ObjectStore, peer: ObjectStore
    ) -> None:
        key, other = a_key(), a_key()
        await put(store, key, 10)
        await put(store, other, 10)
        await peer.delete(key)
        await store.delete(key)  # a repeat is no error
        for node in (store, peer):
            assert await node.stat(key) is None
            with pytest.raises(ObjectNotFound):
                await whole(node, key)
            assert [found.key async for found in node.objects()] == [other]

    async def test_a_reader_that_began_outlives_the_object(
        self, store: ObjectStore, peer: ObjectStore
    ) -> None:
        self._needs("reads_outlive_delete")
        size = self.scale * 8
        key = a_key()
        await put(store, key, size)
        reading = store.read(key)
        got = [await anext(reading)]
        await peer.delete(key)
        got += [piece async for piece in reading]
        assert b"".join(got) == source(0, size)

    async def test_a_reader_may_leave_early(self, store: ObjectStore) -> None:
        key = a_key()
        await put(store, key, self.scale * 8)
        for _ in range(20):
            async for _piece in store.read(key):
                break
        assert await whole(store, key, 5, 10) == source(5, 10)

    async def test_many_readers_get_the_same(self, store: ObjectStore, peer: ObjectStore) -> None:
        size = self.scale * 2
        key = a_key()
        await put(store, key, size)
        got = await asyncio.gather(*(whole(node, key) for node in (store, peer) * 6))
        assert all(one == source(0, size) for one in got)

    async def test_keys_come_in_order_however_many_there_are(self, store: ObjectStore) -> None:
        names = sorted(f"many/{n * 7919 % self.many:05}" for n in range(self.many))
        for at in range(0, len(names), AT_ONCE):
            some = names[at : at + AT_ONCE]
            await asyncio.gather(*(put(store, ObjectKey(name), 1) for name in some))
        await put(store, ObjectKey("thumbs/1"), 3)
        assert [found.key async for found in store.objects()] == [*names, "thumbs/1"]
        assert [found.key async for found in store.objects("many/")] == names
        half = len(names) // 2
        later = [found.key async for found in store.objects("many/", after=names[half])]
        assert later == names[half + 1 :]
        [thumb] = [found async for found in store.objects("thumbs/")]
        assert thumb == await store.stat(ObjectKey("thumbs/1"))
        assert [found async for found in store.objects("other/")] == []

    async def test_the_order_is_that_of_the_characters(self, store: ObjectStore) -> None:
        apart = [key for key in TANGLED if not any(o.startswith(f"{key}/") for o in TANGLED)]
        names = TANGLED if self.features.nested_keys else apart
        for size, name in enumerate(names):
            await put(store, ObjectKey(name), size)
        assert [found.key async for found in store.objects()] == sorted(names)
        for prefix in ("a", "a/", "A", "-", ""):
            expected = sorted(name for name in names if name.startswith(prefix))
            assert [found.key async for found in store.objects(prefix)] == expected
        for size, name in enumerate(names):
            assert await whole(store, ObjectKey(name)) == source(0, size)
