"""Bytes of files on their way to another store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chat4all.adapters.localfs.object_store import LocalFsObjectStore
from chat4all.adapters.memory.file_records import MemoryFileRecords
from chat4all.domain.errors import MoveRefused
from chat4all.domain.files import FileState
from chat4all.ports.object_store import ObjectStore, UploadToken
from chat4all.services.file_objects import keep_object, object_key, thumbnail_key
from chat4all.services.moving.objects import MoveObjects
from chat4all.testing.file_records import a_file
from tests.unit.moving.counted import Counted

BIG = bytes(range(256)) * 20_000


@pytest.fixture
async def ours(tmp_path: Path) -> AsyncIterator[ObjectStore]:
    async with LocalFsObjectStore(tmp_path / "ours") as found:
        yield found


@pytest.fixture
async def theirs(tmp_path: Path) -> AsyncIterator[ObjectStore]:
    async with LocalFsObjectStore(tmp_path / "theirs") as found:
        yield found


async def fill(store: ObjectStore, records: MemoryFileRecords) -> None:
    for data in (b"", b"small", BIG):
        file = await records.add(a_file(state=FileState.READY, size=len(data)))
        if data:
            await keep_object(store, object_key(file.id), data, file.mime_type)
        await keep_object(store, thumbnail_key(file.id), b"picture", "image/webp")


async def begun(store: ObjectStore, name: str) -> UploadToken:
    async def half() -> AsyncIterator[bytes]:
        yield b"half"

    key = thumbnail_key(a_file(name=name).id)
    token = await store.uploads.begin(key, size=8, mime_type="text/plain")
    await store.uploads.append(token, 0, half())
    return token


async def test_every_object_is_there_and_half_ones_are_not(
    ours: ObjectStore, theirs: ObjectStore
) -> None:
    records = MemoryFileRecords()
    await fill(ours, records)
    await begun(theirs, "of a copy that was broken off")
    move = MoveObjects(ours, theirs, records, Counted())
    for _ in range(2):
        await move.require()
        await move.copy()
        assert await move.verify() == {"objects": 5, "bytes": len(BIG) + 5 + 21}
    assert [one async for one in theirs.unfinished()] == []


async def test_while_files_are_uploaded_nothing_moves(
    ours: ObjectStore, theirs: ObjectStore
) -> None:
    records = MemoryFileRecords()
    await records.add(a_file())
    with pytest.raises(MoveRefused, match="1 files are being uploaded"):
        await MoveObjects(ours, theirs, records, Counted()).require()
    await MoveObjects(ours, theirs, records, Counted(), drop_uploads=True).require()


async def test_a_store_with_objects_of_its_own_is_refused(
    ours: ObjectStore, theirs: ObjectStore
) -> None:
    records = MemoryFileRecords()
    await fill(theirs, records)
    with pytest.raises(MoveRefused, match="the target holds the object"):
        await MoveObjects(ours, theirs, records, Counted()).require()


@pytest.mark.parametrize("what", ["bytes", "missing", "more"])
async def test_a_difference_is_found(
    ours: ObjectStore, theirs: ObjectStore, tmp_path: Path, what: str
) -> None:
    records = MemoryFileRecords()
    await fill(ours, records)
    move = MoveObjects(ours, theirs, records, Counted())
    await move.copy()
    await move.verify()
    key = [one.key async for one in theirs.objects("files/")][0]  # noqa: RUF015 - asynchronous
    stored = await theirs.stat(key)
    assert stored is not None
    if what == "more":
        await keep_object(theirs, thumbnail_key(a_file().id), b"picture", "image/webp")
    else:
        await theirs.delete(key)
    if what == "bytes":
        await keep_object(theirs, key, bytes(stored.size), "text/plain")
    with pytest.raises(MoveRefused, match="not like the source"):
        await move.verify()
