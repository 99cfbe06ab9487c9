"""Files behind the API: names, links, references, sweeping, and what comes from platforms."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import threading
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat4all.adapters.localfs.object_store import LocalFsObjectStore
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.file_records import MemoryFileRecords
from chat4all.adapters.memory.media import ClaimedMedia
from chat4all.domain.errors import ChecksumMismatch, FileGone, HarmfulFile, NotPermitted, TooLarge
from chat4all.domain.events import Event, MessageAdded, MessageDeleted, Position
from chat4all.domain.files import MAX_FILE_BYTES, File, FileState
from chat4all.domain.ids import AccountId, ConversationId, FileId, MessageId, UserId, new_id
from chat4all.domain.inbound import Attachment
from chat4all.domain.messages import Message
from chat4all.domain.payload import Payload, PayloadType
from chat4all.ports.event_log import EVENTS, Record
from chat4all.ports.media import Bytes
from chat4all.ports.object_store import ObjectKey
from chat4all.services.audit.files import FilesCourse
from chat4all.services.audit.whole_check import findings_of
from chat4all.services.examine_file import ExamineFile
from chat4all.services.file_intake import FileIntake
from chat4all.services.file_keeper import FileKeeper
from chat4all.services.file_links import FileLinks
from chat4all.services.file_names import MAX_NAME, clean_name
from chat4all.services.file_objects import Discard, keep_object, object_key, thumbnail_key
from chat4all.services.file_sweeper import MARGIN, UNSENT_AFTER, FileSweeper
from chat4all.services.records import encode_event
from chat4all.services.spool import Spool
from chat4all.testing.file_records import a_file

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BYTES = b"bytes of a file"
SHA256 = f"sha256:{hashlib.sha256(BYTES).hexdigest()}"


@given(st.text(max_size=600))
def test_a_clean_name_is_short_visible_and_no_path(name: str) -> None:
    clean = clean_name(name)
    assert 1 <= len(clean) <= MAX_NAME
    assert not {"/", "\\"} & set(clean)
    assert {unicodedata.category(one) for one in clean if one not in "\u200c\u200d"}.isdisjoint(
        {"Cc", "Cf", "Cs", "Zl", "Zp"}
    )
    assert clean not in {".", ".."}
    assert clean_name(clean) == clean


def test_a_long_name_keeps_its_extension() -> None:
    assert clean_name("x" * 300 + ".jpeg") == "x" * 250 + ".jpeg"
    assert clean_name("x" * 300) == "x" * 255


@given(
    lasting=st.integers(1, 604_800),
    later=st.integers(0, 10**6),
    change=st.sampled_from(["file", "expires", "disposition", "signature", "nothing"]),
)
def test_a_link_is_good_as_it_was_signed_and_until_it_expires(
    lasting: int, later: int, change: str
) -> None:
    clock = [NOW]
    links = FileLinks(b"key", address="https://chat.example", now=lambda: clock[0])
    file = FileId(new_id())
    link = links.sign(file, timedelta(seconds=lasting))
    query = dict(pair.split("=") for pair in link.url.partition("?")[2].split("&"))
    given_: dict[str, Any] = {
        "expires": int(query["expires"]) + (change == "expires"),
        "signature": query["signature"][:-1] + "!" if change == "signature" else query["signature"],
        "disposition": "attachment" if change == "disposition" else "",
    }
    clock[0] += timedelta(seconds=later)
    asked = FileId(new_id()) if change == "file" else file
    if change == "nothing" and later < lasting:
        links.check(asked, **given_)
    else:
        with pytest.raises(NotPermitted):
            links.check(asked, **given_)


class Shelf:
    """Records, objects, and what works on them, at a time of the test's choosing."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.records = MemoryFileRecords()
        self.objects = LocalFsObjectStore(folder / "objects")
        self.discard = Discard(self.records, self.objects, now=lambda: self.now)
        self.idle = True
        self.found: str | None = None
        self.examine = ExamineFile(
            self.records, self.objects, ClaimedMedia(), self.discard, scanner=self
        )
        self.intake = FileIntake(
            self.records,
            self.objects,
            self.discard,
            self.examine,
            Spool(folder / "spool"),
            now=lambda: self.now,
        )
        self.sweeper = FileSweeper(
            self.records,
            self.records,
            self.objects,
            self.discard,
            idle=lambda: self.idle,
            lasting=DAY,
            now=lambda: self.now,
        )

    async def scan(self, data: Bytes, *, size: int) -> str | None:
        del data, size
        return self.found

    async def add(self, **fields: Any) -> File:
        return await self.records.add(a_file(**fields))

    async def add_ready(self, **fields: Any) -> File:
        file = await self.add(**{"state": FileState.READY, "ready_at": NOW, **fields})
        await keep_object(self.objects, object_key(file.id), BYTES, file.mime_type)
        return file

    async def get(self, file: File) -> File:
        return (await self.records.get_many([file.id]))[file.id]

    async def keys(self) -> list[ObjectKey]:
        return [one.key async for one in self.objects.objects()]

    async def findings(self) -> list[str]:
        course = FilesCourse(self.records, self.objects)
        whole = [one.check async for one in findings_of(course)]
        assert [one.check async for one in findings_of(course, at_once=1)] == whole
        assert await self.findings_after_a_stop() == whole
        return whole

    async def findings_after_a_stop(self) -> list[str]:
        """Look one file at a time, each time as a program that was just started."""
        place, found = None, []
        while True:
            step = await FilesCourse(self.records, self.objects).step(place, 1)
            found += [one.check for one in step.findings]
            if step.over:
                return found
            place = step.place


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    made = Shelf(tmp_path)
    async with made.objects:
        yield made


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for one in data:
        yield one


async def test_what_expired_is_swept_with_its_bytes(shelf: Shelf) -> None:
    file = a_file(expires_at=NOW)
    token = await shelf.objects.uploads.begin(object_key(file.id), size=10, mime_type="a/b")
    file = await shelf.records.add(replace(file, upload=token))
    assert await shelf.sweeper.once() == 0
    shelf.now += timedelta(seconds=1)
    assert await shelf.sweeper.once() == 1
    kept = await shelf.get(file)
    assert (kept.state, kept.error, kept.upload) == (FileState.FAILED, "upload_expired", None)
    assert [one async for one in shelf.objects.unfinished()] == []


async def test_a_file_that_was_never_shown_is_swept_once_that_is_sure(shelf: Shelf) -> None:
    unsent, shown = await shelf.add_ready(), await shelf.add_ready()
    await shelf.records.attach(shown.id, MessageId(new_id()))
    shelf.now += UNSENT_AFTER + MARGIN
    assert await shelf.sweeper.once() == 0
    shelf.now += timedelta(seconds=1)
    shelf.idle = False
    assert await shelf.sweeper.once() == 0
    shelf.idle = True
    assert await shelf.sweeper.once() == 1
    assert (await shelf.get(unsent)).state is FileState.DELETED
    assert await shelf.keys() == [object_key(shown.id)]


async def test_a_deletion_that_was_stopped_in_the_middle_is_finished(shelf: Shelf) -> None:
    file = await shelf.add_ready(state=FileState.DELETED, expires_at=NOW)
    assert await shelf.findings() == []  # it is on its way out
    shelf.now += timedelta(seconds=1)
    assert await shelf.sweeper.once() == 1
    assert await shelf.keys() == []
    assert (await shelf.get(file)).expires_at is None


async def test_an_upload_that_no_record_names_is_swept_after_a_while(shelf: Shelf) -> None:
    uploads = shelf.objects.uploads
    stray = await uploads.begin(ObjectKey("files/stray"), size=10, mime_type="a/b")
    named = await uploads.begin(ObjectKey("files/named"), size=10, mime_type="a/b")
    await shelf.add(upload=named)
    shelf.now = datetime.now(UTC) + DAY
    assert await shelf.sweeper.once() == 0
    shelf.now += timedelta(hours=2)
    assert await shelf.sweeper.once() == 1
    assert stray not in [token async for token, _ in shelf.objects.unfinished()]


async def test_the_integrity_of_files_is_told_both_ways(shelf: Shelf) -> None:
    files = [await shelf.add_ready() for _ in range(3)]
    await shelf.add()  # being uploaded: no object yet
    assert await shelf.findings() == []
    await shelf.objects.delete(object_key(files[1].id))
    await keep_object(shelf.objects, object_key(FileId(new_id())), BYTES, "a/b")
    await keep_object(shelf.objects, thumbnail_key(files[0].id), BYTES, "a/b")
    assert sorted(await shelf.findings()) == ["missing_object", "orphan_file", "orphan_file"]


def added(file: File, message: MessageId, offset: int) -> MessageAdded:
    return MessageAdded(
        position=Position(0, offset),
        message=Message(
            message_id=message,
            conversation_id=file.conversation_id,
            seq=offset + 1,
            sender=file.owner_id,
            channel="app",
            payload=Payload(type=PayloadType.IMAGE, file_id=file.id),
            created_at=NOW,
        ),
    )


def deleted(file: File, message: MessageId, offset: int) -> MessageDeleted:
    return MessageDeleted(
        position=Position(0, offset),
        conversation_id=file.conversation_id,
        message_id=message,
        seq=1,
        actor=file.owner_id,
        at=NOW,
    )


async def test_repeated_events_delete_once_and_bring_nothing_back(shelf: Shelf) -> None:
    file, message = await shelf.add_ready(), MessageId(new_id())
    log = MemoryEventLog()
    keeper = FileKeeper(log, shelf.records, shelf.records, shelf.discard, pause=0.0)
    events: list[Event] = [added(file, message, 0), deleted(file, message, 1)]
    values = [encode_event(one) for one in [*events, *events]]
    values.insert(1, b'{"type":"message_deleted","v":99}')  # cannot be read: the rest goes on
    await log.append([Record(EVENTS, file.conversation_id, value) for value in values])
    task = asyncio.create_task(keeper.run())
    async with asyncio.timeout(30):
        while True:
            if not log.backlog(EVENTS, "files"):
                break
            await asyncio.sleep(0)
    task.cancel()
    assert (await shelf.get(file)).state is FileState.DELETED
    assert await shelf.records.showing(file.id) == 0
    assert await shelf.keys() == []


async def announced(shelf: Shelf, **fields: Any) -> File:
    given_ = {"reference": "ref", "mime_type": "image/png", "name": "../cat.png", **fields}
    return await shelf.intake.announce(
        Attachment(**given_),
        account=AccountId("account"),
        address="chat",
        external_id="7",
        conversation=ConversationId("talk"),
        owner=UserId("carla"),
    )


async def test_a_file_of_a_platform_is_announced_once_and_received(shelf: Shelf) -> None:
    file = await announced(shelf, size=3)
    assert (file.state, file.name) == (FileState.RECEIVING, "cat.png")
    assert await announced(shelf, name="other") == file
    assert list(await shelf.intake.waiting(limit=9)) == [file]
    ready = await shelf.intake.receive(file, pieces(BYTES[:4], BYTES[4:]))
    assert (ready.state, ready.size, ready.checksum) == (FileState.READY, len(BYTES), SHA256)
    assert await shelf.keys() == [object_key(file.id)]
    assert list(await shelf.intake.waiting(limit=9)) == []


async def test_a_stopped_fetch_is_begun_anew_with_the_bytes_that_come_then(shelf: Shelf) -> None:
    file = await announced(shelf)
    await keep_object(shelf.objects, object_key(file.id), b"of a try that was stopped", "a/b")
    ready = await shelf.intake.receive(file, pieces(BYTES))
    stored = b"".join([piece async for piece in shelf.objects.read(object_key(file.id))])
    assert (stored, ready.checksum) == (BYTES, SHA256)


async def test_what_a_platform_cannot_give_fails_with_a_reason(shelf: Shelf) -> None:
    large = await announced(shelf, size=MAX_FILE_BYTES + 1)
    assert (large.state, large.error) == (FileState.FAILED, "media_too_large")


async def test_other_bytes_than_a_platform_announced_are_not_kept(shelf: Shelf) -> None:
    file = await announced(shelf, checksum="sha256:" + "0" * 64)
    with pytest.raises(ChecksumMismatch):
        await shelf.intake.receive(file, pieces(BYTES))
    assert (await shelf.get(file)).error == "checksum_mismatch"
    assert await shelf.keys() == []


async def test_a_harmful_file_is_refused_and_gone(shelf: Shelf) -> None:
    shelf.found = "Eicar-Test"
    file = await announced(shelf)
    with pytest.raises(HarmfulFile, match="Eicar-Test"):
        await shelf.intake.receive(file, pieces(BYTES))
    assert (await shelf.get(file)).error == "harmful_file"
    assert await shelf.keys() == []


async def test_a_file_that_is_deleted_while_it_comes_leaves_no_bytes(shelf: Shelf) -> None:
    file = await announced(shelf)
    await shelf.discard(file, FileState.DELETED, error="deleted", reason="gone")
    with pytest.raises(FileGone):
        await shelf.intake.receive(file, pieces(BYTES))
    assert (await shelf.get(file)).state is FileState.DELETED
    assert await shelf.keys() == []


async def test_a_spool_takes_no_more_than_it_may(tmp_path: Path) -> None:
    async with Spool(tmp_path / "spool").file() as spooled:
        with pytest.raises(TooLarge):
            await spooled.fill(pieces(b"x" * 5, b"x" * 6), limit=10)
    assert list((tmp_path / "spool").iterdir()) == []


async def test_who_is_cancelled_while_a_spool_opens_leaves_no_open_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, opened = threading.Event(), threading.Event()
    files = []
    really = tempfile.TemporaryFile

    def slowly(**kwargs: Any) -> Any:
        asked.set()
        assert opened.wait(10)
        files.append(really(**kwargs))
        return files[0]

    async def use() -> None:
        async with Spool(tmp_path).file():
            pytest.fail("it was cancelled before")

    monkeypatch.setattr(tempfile, "TemporaryFile", slowly)
    task = asyncio.create_task(use())
    await asyncio.to_thread(asked.wait, 10)
    task.cancel()
    opened.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [file.closed for file in files] == [True]
