"""What a folder on a disk does beyond the contract: it fills up, loses power, is shared."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chat4all.adapters.localfs.object_store import LocalFsObjectStore
from chat4all.domain.errors import BadSettings, StorageFull, Unavailable
from chat4all.testing.object_store_storage import a_key, began, pieces, put, source, whole
from tests.servers.small_disk import small_disk

DISK = 4 << 20  # bytes


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LocalFsObjectStore]:
    async with LocalFsObjectStore(tmp_path / "store") as store:
        yield store


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", DISK) as disk:
        yield disk


async def test_on_a_full_disk_what_was_written_is_kept_and_the_upload_goes_on_later(
    full_disk: Path,
) -> None:
    ballast = full_disk / "ballast"
    ballast.write_bytes(b"x" * (2 << 20))
    size = 3 << 20
    async with LocalFsObjectStore(full_disk) as store:
        key, token = await began(store, size)
        with pytest.raises(StorageFull, match="free some space"):
            await store.uploads.append(token, 0, pieces(0, size))
        kept = await store.uploads.offset(token)
        assert size // 2 < kept < size
        with pytest.raises(StorageFull):
            await store.uploads.append(token, kept, pieces(kept, size))
        ballast.unlink()
        kept = await store.uploads.offset(token)
        await store.uploads.append(token, kept, pieces(kept, size))
        await store.uploads.complete(token)
        assert await whole(store, key) == source(0, size)


class Disk:
    """Watches what is brought to the disk, and may refuse it."""

    def __init__(self) -> None:
        self.synced: list[str] = []
        self.refuse: int | None = None
        self._fsync = os.fsync

    def fsync(self, descriptor: int) -> None:
        if self.refuse is not None:
            raise OSError(self.refuse, os.strerror(self.refuse))
        self._fsync(descriptor)
        self.synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(os, "fsync", disk.fsync)
    return disk


async def test_every_answer_comes_after_the_disk_has_it(
    disk: Disk, store: LocalFsObjectStore
) -> None:
    disk.synced.clear()
    key, token = await began(store, 10)
    assert disk.synced == ["uploads"]
    await store.uploads.append(token, 0, pieces(0, 10))
    assert disk.synced.pop() == token
    disk.synced.clear()
    await store.uploads.complete(token)
    assert disk.synced == [token, "objects", "uploads"]
    disk.synced.clear()
    await store.delete(key)
    assert disk.synced == ["objects"]


async def test_where_the_disk_fails_to_keep_them_the_bytes_are_not_counted(
    disk: Disk, store: LocalFsObjectStore
) -> None:
    key, token = await began(store, 30)
    await store.uploads.append(token, 0, pieces(0, 10))
    disk.refuse = errno.EIO
    with pytest.raises(Unavailable, match="repeat the request"):
        await store.uploads.append(token, 10, pieces(10, 20))
    assert await store.uploads.offset(token) == 10
    disk.refuse = None
    await store.uploads.append(token, 10, pieces(10, 30))
    await store.uploads.complete(token)
    assert await whole(store, key) == source(0, 30)


async def test_a_write_that_failed_is_followed_by_no_other(
    store: LocalFsObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 8 << 20
    key, token = await began(store, size)
    pwritev, calls = os.pwritev, 0

    def failing(descriptor: int, buffers: list[bytes], offset: int) -> int:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return pwritev(descriptor, [memoryview(b"".join(buffers))[:500_000]], offset)

    monkeypatch.setattr(os, "pwritev", failing)
    with pytest.raises(StorageFull):
        await store.uploads.append(token, 0, pieces(0, size))
    monkeypatch.undo()
    assert await store.uploads.offset(token) == 1_000_000
    await store.uploads.append(token, 1_000_000, pieces(1_000_000, size))
    await store.uploads.complete(token)
    assert await whole(store, key) == source(0, size)


async def test_an_object_that_shrinks_under_its_reader_is_an_error(
    store: LocalFsObjectStore, tmp_path: Path
) -> None:
    key = a_key()
    await put(store, key, 8 << 20)
    reading = store.read(key)
    await anext(reading)
    os.truncate(tmp_path / "store" / "objects" / key.replace("/", "+"), 3 << 20)
    with pytest.raises(Unavailable, match="before its end"):
        async for _ in reading:
            pass


async def test_what_others_left_in_the_folder_is_no_object(
    store: LocalFsObjectStore, tmp_path: Path
) -> None:
    folder = tmp_path / "store"
    (folder / "objects" / "a folder").mkdir()
    (folder / "objects" / "folder").mkdir()
    (folder / "objects" / "with space").write_bytes(b"x")
    (folder / "objects" / "link").symlink_to("/etc/hostname")
    (folder / "uploads" / "something").write_bytes(b"x")
    await put(store, a_key(), 1)
    assert len([found async for found in store.objects()]) == 1
    assert [found async for found in store.unfinished()] == []


async def test_only_this_user_may_read_the_files(store: LocalFsObjectStore, tmp_path: Path) -> None:
    key = a_key()
    await put(store, key, 1)
    await began(store, 10)
    for path in [tmp_path / "store", *(tmp_path / "store").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


async def test_a_folder_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BadSettings, match=r"CHAT4ALL_OBJECTS_URL.*file"):
        async with LocalFsObjectStore(tmp_path / "file"):
            pass
