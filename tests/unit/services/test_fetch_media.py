"""Files of incoming messages: announced, fetched until they come, failed with a reason."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chat4all.adapters.localfs.object_store import LocalFsObjectStore
from chat4all.adapters.memory.file_records import MemoryFileRecords
from chat4all.adapters.memory.media import ClaimedMedia
from chat4all.domain.errors import ChannelError
from chat4all.domain.files import File, FileState
from chat4all.domain.ids import AccountId, ConversationId, FileId, UserId
from chat4all.domain.inbound import Attachment
from chat4all.ports.connector import Connector
from chat4all.services.examine_file import ExamineFile
from chat4all.services.fetch_media import FetchPolicy, MediaFetcher
from chat4all.services.file_intake import FileIntake
from chat4all.services.file_objects import Discard, object_key
from chat4all.services.spool import Spool
from chat4all.testing.paper import PaperConnector

SHOP, OTHER = AccountId("shop"), AccountId("other")
GONE = ChannelError("it is gone", retry=False, reason="media_gone")
LATER = ChannelError("busy", retry=True, reason="rate_limited", retry_after=0.01)


class Library(PaperConnector):
    """Gives files by reference, after the failures that were planned for each."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, bytes] = {}
        self.trouble: defaultdict[str, deque[Exception]] = defaultdict(deque)
        self.fetched: list[str] = []
        self.now = self.most = 0
        self.open = asyncio.Event()
        self.open.set()

    async def fetch_media(self, reference: str) -> AsyncIterator[bytes]:
        self.fetched.append(reference)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.open.wait()
            data = self.kept[reference]
            yield data[: len(data) // 2]
            if self.trouble[reference]:
                raise self.trouble[reference].popleft()
            yield data[len(data) // 2 :]
        finally:
            self.now -= 1


class Desk:
    """A fetcher over real bytes on the disk, which can be begun anew."""

    def __init__(self, folder: Path) -> None:
        self.records = MemoryFileRecords()
        self.objects = LocalFsObjectStore(folder / "objects")
        self.library = Library()
        self.accounts: dict[AccountId, Connector] = {SHOP: self.library}
        self.now = datetime.now(UTC)
        discard = Discard(self.records, self.objects)
        examine = ExamineFile(self.records, self.objects, ClaimedMedia(), discard)
        self.intake = FileIntake(
            self.records, self.objects, discard, examine, Spool(folder / "spool")
        )
        self.fetcher = self.new_fetcher()

    def new_fetcher(self) -> MediaFetcher:
        policy = FetchPolicy(first=0.001, most=0.002)
        return MediaFetcher(
            self.intake, self._connector_of, at_once=2, policy=policy, now=lambda: self.now
        )

    async def _connector_of(self, account: AccountId) -> Connector | None:
        return self.accounts.get(account)

    async def announced(
        self,
        reference: str,
        data: bytes = b"bytes of a file",
        *,
        account: AccountId = SHOP,
        checksum: str | None = None,
    ) -> FileId:
        self.library.kept[reference] = data
        about = Attachment(
            reference=reference, mime_type="image/png", name="sea.png", checksum=checksum
        )
        file = await self.fetcher.announce(
            about,
            account=account,
            address="501",
            external_id=reference,
            conversation=ConversationId("talk"),
            owner=UserId("ana"),
        )
        return file.id

    async def file(self, file_id: FileId) -> File:
        return (await self.records.get_many([file_id]))[file_id]

    async def data(self, file_id: FileId) -> bytes:
        pieces = self.objects.read(object_key(file_id))
        return b"".join([piece async for piece in pieces])

    async def has(self, file_id: FileId, state: FileState) -> File:
        async with asyncio.timeout(30):
            while (await self.file(file_id)).state is not state:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.005)
        return await self.file(file_id)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.fetcher.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    async with desk.objects:
        yield desk


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)


async def test_a_file_comes_whole_and_is_ready(desk: Desk) -> None:
    async with desk.working():
        file_id = await desk.announced("a", b"sea" * 100_000)
        file = await desk.has(file_id, FileState.READY)
    assert await desk.data(file_id) == b"sea" * 100_000
    assert (file.size, file.name, file.mime_type) == (300_000, "sea.png", "image/png")
    assert file.checksum == f"sha256:{hashlib.sha256(b'sea' * 100_000).hexdigest()}"


async def test_what_breaks_off_is_fetched_again_from_the_start(desk: Desk) -> None:
    desk.library.trouble["a"].extend([LATER, ChannelError("cut", retry=True), ValueError("odd")])
    async with desk.working():
        file_id = await desk.announced("a")
        await desk.has(file_id, FileState.READY)
    assert await desk.data(file_id) == b"bytes of a file"
    assert desk.library.fetched == ["a"] * 4


async def test_what_is_gone_fails_with_the_reason_and_is_asked_for_once(desk: Desk) -> None:
    desk.library.trouble["a"].append(GONE)
    async with desk.working():
        file_id = await desk.announced("a")
        file = await desk.has(file_id, FileState.FAILED)
    assert (file.error, file.reason) == ("media_gone", "it is gone")
    assert desk.library.fetched == ["a"]


async def test_bytes_that_are_not_those_announced_fail(desk: Desk) -> None:
    async with desk.working():
        file_id = await desk.announced("a", checksum="sha256:" + "0" * 64)
        file = await desk.has(file_id, FileState.FAILED)
    assert file.error == "checksum_mismatch"


async def test_a_fetcher_that_begins_anew_goes_on_with_what_is_left(desk: Desk) -> None:
    desk.library.open.clear()
    async with desk.working():
        first = await desk.announced("a")
        await until(lambda: desk.library.fetched == ["a"])
    second = await desk.announced("b")  # while nobody fetches
    desk.library.open.set()
    desk.fetcher = desk.new_fetcher()
    async with desk.working():
        for file_id in (first, second):
            await desk.has(file_id, FileState.READY)
            assert await desk.data(file_id) == b"bytes of a file"


async def test_a_repeated_announcement_is_the_same_file_and_no_second_fetch(desk: Desk) -> None:
    async with desk.working():
        file_id = await desk.announced("a")
        assert await desk.announced("a") == file_id
        await desk.has(file_id, FileState.READY)
        assert await desk.announced("a") == file_id
        await asyncio.sleep(0.02)
    assert desk.library.fetched == ["a"]


async def test_few_are_fetched_at_once_and_one_account_holds_up_no_other(desk: Desk) -> None:
    other = Library()
    desk.accounts[OTHER] = other
    desk.library.open.clear()
    async with desk.working():
        slow = [await desk.announced(f"a{number}") for number in range(6)]
        await until(lambda: desk.library.now == 2)
        other.kept["b"] = b"quick"
        quick = await desk.announced("b", b"quick", account=OTHER)
        await desk.has(quick, FileState.READY)
        assert desk.library.most == 2
        desk.library.open.set()
        for file_id in slow:
            await desk.has(file_id, FileState.READY)
    assert desk.library.most == 2


async def test_an_account_that_is_off_is_waited_for_but_not_for_ever(desk: Desk) -> None:
    connector = desk.accounts.pop(SHOP)
    async with desk.working():
        first = await desk.announced("a")
        await asyncio.sleep(0.02)
        assert (await desk.file(first)).state is FileState.RECEIVING
        desk.accounts[SHOP] = connector
        await desk.has(first, FileState.READY)
        del desk.accounts[SHOP]
        second = await desk.announced("b")
        desk.now += timedelta(days=8)
        assert (await desk.has(second, FileState.FAILED)).error == "media_unavailable"


async def test_a_refused_token_costs_no_file(desk: Desk) -> None:
    refused = ChannelError("who are you", retry=False, reason="unauthorized")
    desk.library.trouble["a"].append(refused)
    async with desk.working():
        await desk.has(await desk.announced("a"), FileState.READY)
