"""What happens to files is counted, by few words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chat4all.adapters.localfs.object_store import LocalFsObjectStore
from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.file_records import MemoryFileRecords
from chat4all.adapters.memory.media import ClaimedMedia
from chat4all.bootstrap.file_storage import FileStorage
from chat4all.bootstrap.files import Files, file_sweeper, open_files
from chat4all.domain.errors import ChannelError, ChecksumMismatch, QuotaExceeded, TooLarge
from chat4all.domain.files import MAX_FILE_BYTES, File
from chat4all.domain.ids import AccountId, ConversationId, UserId
from chat4all.domain.inbound import Attachment
from chat4all.ports.connector import Connector
from chat4all.services.audit.files import FilesCourse
from chat4all.services.audit.whole_check import findings_of
from chat4all.services.fetch_media import FetchPolicy, MediaFetcher
from chat4all.services.file_objects import object_key
from chat4all.services.initiate_file import NewFile
from chat4all.settings import Settings
from chat4all.telemetry.metrics import Metrics
from chat4all.testing.paper import PaperConnector
from chat4all.testing.pipeline import add_conversation, add_person

DATA = b"x" * 2_500_000
QUOTA = 10_000_000


class Works:
    """The services of files over real bytes, their metrics, and a person who sends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metrics = Metrics()
        self.directory = MemoryDirectory()
        self.log = MemoryEventLog()
        self.now = datetime.now(UTC)
        self.settings = Settings(data_dir=folder, file_quota_bytes=QUOTA)
        self.ana, self.talk = UserId(""), ConversationId("")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Files]:
        self.ana = await add_person(self.directory, "ana")
        self.talk = await add_conversation(self.directory, self.ana)
        async with LocalFsObjectStore(self.folder / "objects") as objects:
            storage = FileStorage(MemoryFileRecords(), objects)
            find, keys = self.directory.conversations.get, self.directory.keys
            async with open_files(
                self.settings,
                storage,
                find,
                keys,
                self.log,
                inspector=ClaimedMedia(),
                meter=self.metrics.files,
                now=lambda: self.now,
            ) as files:
                yield files

    async def begin(self, files: Files, *, size: int = len(DATA), said: bytes = DATA) -> File:
        digest = hashlib.sha256(said).hexdigest()
        new = NewFile(
            name="sea.png",
            size=size,
            mime_type="image/png",
            checksum=f"sha256:{digest}",
            conversation_id=self.talk,
        )
        return await files.tools.initiate(self.ana, new)

    async def send(self, files: Files, *, said: bytes = DATA) -> File:
        file = await self.begin(files, said=said)
        upload = await files.tools.uploads.at(self.ana, file.id, 0)
        await files.tools.uploads.append(upload, pieces(DATA))
        return await files.tools.complete(self.ana, file.id)

    def shown(self) -> dict[str, float]:
        """Return every series of files, without the word that all of them begin with."""
        text = self.metrics.render().decode()
        found = re.findall(r"^chat4all_file_(\S+?)(?:\{(.*)\})? (\S+)$", text, re.MULTILINE)
        return {
            " ".join([name, *re.findall(r'(?<!scope_name=)"(\w+)"', labels)]): float(value)
            for name, labels, value in found
        }


@pytest.fixture
async def works(tmp_path: Path) -> AsyncIterator[Works]:
    made = Works(tmp_path)
    yield made
    made.metrics.close()


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 65_536):
        yield data[start : start + 65_536]


async def test_bytes_are_counted_as_they_come_and_go(works: Works) -> None:
    async with works.open() as files:
        file = await works.send(files)
        async for _ in files.library.read(object_key(file.id), start=500_000):
            pass
        async for _ in files.library.ref(file, link_for=timedelta(hours=1)).read():
            pass
    assert works.shown() == {
        "io_bytes_total receive client": 2_500_000,
        "io_bytes_total transmit client": 2_000_000,
        "io_bytes_total transmit platform": 2_500_000,
        "uploads_total completed": 1,
    }


async def test_uploads_are_counted_by_how_they_end(works: Works) -> None:
    async with works.open() as files:
        await works.send(files)
        with pytest.raises(ChecksumMismatch):
            await works.send(files, said=b"other bytes")
        with pytest.raises(TooLarge):
            await works.begin(files, size=MAX_FILE_BYTES + 1)
        with pytest.raises(QuotaExceeded):
            await works.begin(files, size=QUOTA)
        await files.tools.uploads.terminate(works.ana, (await works.begin(files)).id)
        await works.begin(files)
        works.now += timedelta(days=2)
        await file_sweeper(
            files,
            works.log,
            works.settings,
            meter=works.metrics.files,
            now=lambda: works.now,
        ).once()
    outcomes = {k.partition(" ")[2]: v for k, v in works.shown().items() if k[:7] == "uploads"}
    assert outcomes == dict.fromkeys(
        (
            "completed",
            "checksum_mismatch",
            "too_large",
            "quota_exceeded",
            "upload_ended",
            "upload_expired",
        ),
        1,
    )
    assert works.shown()["sweeps_total expired"] == 1
    assert works.shown()["swept_total expired"] == 1
    assert works.shown()["swept_total half_gone"] == 0


async def test_what_the_store_holds_is_told_by_the_audit(works: Works) -> None:
    async with works.open() as files:
        await works.send(files)
        assert "stored_bytes" not in works.shown()
        storage = files.storage
        course = FilesCourse(storage.records, storage.objects, meter=works.metrics.files)
        for at_once in (1, 1_000):
            assert [one async for one in findings_of(course, at_once=at_once)] == []
    assert works.shown()["stored_bytes"] == 2_500_000


class Shelf(PaperConnector):
    """Gives a file with the second try, and refuses another with a word of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def fetch_media(self, reference: str) -> AsyncIterator[bytes]:
        self.asked += 1
        if reference == "never":
            raise ChannelError("no", retry=False, reason="moon_in_aquarius")
        if self.asked == 1:
            raise ChannelError("busy", retry=True, reason="rate_limited", retry_after=0.01)
        yield DATA


async def test_fetches_are_counted_by_how_they_end_and_by_no_words_of_others(
    works: Works,
) -> None:
    shelf = Shelf()

    async def connector_of(account: AccountId) -> Connector | None:
        return shelf if account == "shop" else None

    async with works.open() as files:
        fetcher = MediaFetcher(
            files.intake,
            connector_of,
            policy=FetchPolicy(first=0.001, most=0.002),
            meter=works.metrics.files,
        )
        for reference, size in (("late", None), ("never", None), ("huge", MAX_FILE_BYTES + 1)):
            for _ in range(2):  # a repeat is counted once
                file = await fetcher.announce(
                    Attachment(reference=reference, mime_type="image/png", size=size),
                    account=AccountId("shop"),
                    address="501",
                    external_id=reference,
                    conversation=works.talk,
                    owner=works.ana,
                )
                works.now += timedelta(seconds=1)
            if file.remote is not None and reference != "huge":
                await fetcher._bring(file, file.remote)
    assert works.shown() == {
        "io_bytes_total receive platform": 2_500_000,
        "fetches_total again": 1,
        "fetches_total completed": 1,
        "fetches_total refused": 1,
        "fetches_total media_too_large": 1,
    }
