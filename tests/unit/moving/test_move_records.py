"""Records of files and references on their way to another storage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chat4all.adapters.memory.file_records import MemoryFileRecords
from chat4all.adapters.sqlite.file_records import SqliteFileRecords
from chat4all.domain.errors import MoveRefused
from chat4all.domain.files import FileState
from chat4all.domain.ids import MessageId, new_id
from chat4all.services.moving.records import MoveRecords, without_upload
from chat4all.testing.file_records import FullRecords, a_file, whole_file
from tests.unit.moving.counted import Counted


async def fill(records: FullRecords) -> None:
    for number in range(450):
        file = await records.add(whole_file() if number % 2 else a_file())
        if number % 3 == 0:
            message = MessageId(new_id())
            await records.attach(file.id, message)
            if number % 2:
                await records.detach(message)


async def test_records_and_references_are_the_same_there(tmp_path: Path) -> None:
    ours = MemoryFileRecords()
    await fill(ours)
    async with SqliteFileRecords(tmp_path / "files.sqlite3") as theirs:
        move = MoveRecords(ours, theirs, Counted())
        await move.require()
        await move.copy()
        assert await move.verify() == {"files": 450, "references": 150}
        await move.require()
        await move.copy()
        assert await move.verify() == {"files": 450, "references": 150}


async def test_a_target_with_a_file_of_its_own_is_refused() -> None:
    ours, theirs = MemoryFileRecords(), MemoryFileRecords()
    await fill(ours)
    stranger = await theirs.add(a_file())
    with pytest.raises(MoveRefused, match=stranger.id):
        await MoveRecords(ours, theirs, Counted()).require()


@pytest.mark.parametrize("what", ["record", "missing", "reference", "more"])
async def test_a_difference_is_found(what: str) -> None:
    ours, theirs = MemoryFileRecords(), MemoryFileRecords()
    file = await ours.add(a_file())
    message = MessageId(new_id())
    await ours.attach(file.id, message)
    move = MoveRecords(ours, theirs, Counted())
    await move.copy()
    await move.verify()
    if what == "record":
        await theirs.change(replace(file, name="dog.jpg"), was=file.state)
    elif what == "missing":
        await ours.add(a_file())
    elif what == "reference":
        await theirs.detach(message)
    else:
        await theirs.attach(file.id, MessageId(new_id()))
    with pytest.raises(MoveRefused, match="not like the source"):
        await move.verify()


def test_an_unfinished_upload_does_not_go_to_another_store() -> None:
    upload = a_file(upload="u-1", expires_at=whole_file().expires_at)
    ended = without_upload(upload)
    assert (ended.state, ended.upload, ended.error) == (FileState.FAILED, None, "upload_expired")
    assert "begin a new one" in (ended.reason or "")
    ready = a_file(state=FileState.READY)
    assert without_upload(ready) is ready
    assert without_upload(replace(ready, upload="u-2")) == ready
