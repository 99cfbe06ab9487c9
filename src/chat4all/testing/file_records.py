"""The contract of `FileRecords` and `FileReferences`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from chat4all.domain.errors import QuotaExceeded
from chat4all.domain.files import File, FileState, Looks, RemoteMedia
from chat4all.domain.ids import AccountId, ConversationId, FileId, MessageId, UserId, new_id
from chat4all.ports.file_records import FileRecords, FileReferences
from chat4all.ports.moving import Reference, SupportsReferences

START = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
HOUR = timedelta(hours=1)


class FullRecords(FileRecords, FileReferences, SupportsReferences, Protocol):
    """Both views of one storage."""


OpenRecords = Callable[[], AbstractAsyncContextManager[FullRecords]]
"""Opens one more object on the storage of the test."""


def a_file(**fields: Any) -> File:
    """Return an upload of 10 bytes that began at `START`, with `fields` as given."""
    given: dict[str, Any] = {
        "id": FileId(new_id()),
        "owner_id": UserId(new_id()),
        "conversation_id": ConversationId(new_id()),
        "name": "cat.jpg",
        "size": 10,
        "mime_type": "image/jpeg",
        "state": FileState.UPLOADING,
        "created_at": START,
    }
    return File(**{**given, **fields})


def whole_file() -> File:
    """Return a file with every field set."""
    return a_file(
        checksum="sha256:" + "a" * 64,
        upload="u-1",
        remote=RemoteMedia(account_id=AccountId(new_id()), reference="AgAC"),
        expires_at=START + HOUR,
        ready_at=START + 2 * HOUR,
        error="media_gone",
        reason="It is gone.",
        looks=Looks(width=640, height=480, duration=1.5, thumbnail=True),
    )


class FileRecordsContract(ABC):
    """What every implementation promises; a backend binds `opened`."""

    @pytest.fixture
    @abstractmethod
    def opened(self) -> OpenRecords:
        """Return what opens objects that share one storage, empty at first."""

    @pytest.fixture
    async def records(self, opened: OpenRecords) -> AsyncIterator[FullRecords]:
        """One object on the storage."""
        async with opened() as records:
            yield records

    @pytest.fixture
    async def peer(self, opened: OpenRecords) -> AsyncIterator[FullRecords]:
        """Another object on the same storage."""
        async with opened() as peer:
            yield peer

    async def test_a_record_comes_back_as_it_was(self, records: FullRecords) -> None:
        bare, whole = a_file(name="é 🐈.jpg"), whole_file()
        assert await records.add(bare) == bare
        assert await records.add(whole) == whole
        stranger = FileId(new_id())
        found = await records.get_many([bare.id, whole.id, stranger, bare.id])
        assert found == {bare.id: bare, whole.id: whole}
        assert await records.get_many([]) == {}

    async def test_a_known_id_keeps_its_first_record(
        self, records: FullRecords, peer: FullRecords
    ) -> None:
        first = a_file()
        await records.add(first)
        assert await peer.add(replace(first, name="other.jpg")) == first
        assert (await records.get_many([first.id]))[first.id] == first

    async def test_a_reopened_storage_has_everything(self, opened: OpenRecords) -> None:
        whole = whole_file()
        async with opened() as records:
            await records.add(whole)
        async with opened() as records:
            assert (await records.get_many([whole.id]))[whole.id] == whole

    async def test_a_change_needs_the_state_it_was_based_on(self, records: FullRecords) -> None:
        file = a_file()
        await records.add(file)
        ready = replace(file, state=FileState.READY, ready_at=START)
        assert not await records.change(ready, was=FileState.RECEIVING)
        assert await records.change(ready, was=FileState.UPLOADING)
        assert not await records.change(file, was=FileState.UPLOADING)
        assert (await records.get_many([file.id]))[file.id] == ready
        assert not await records.change(a_file(), was=FileState.UPLOADING)

    async def test_of_many_that_leave_a_state_one_does(
        self, records: FullRecords, peer: FullRecords
    ) -> None:
        file = a_file()
        await records.add(file)
        tries = [
            one.change(replace(file, state=state), was=FileState.UPLOADING)
            for one in (records, peer)
            for state in (FileState.READY, FileState.FAILED, FileState.DELETED)
        ]
        assert sorted(await asyncio.gather(*tries)) == [False] * 5 + [True]

    async def test_files_in_a_state_come_oldest_first(self, records: FullRecords) -> None:
        old, young = a_file(created_at=START - HOUR), a_file(created_at=START + HOUR)
        middle, other = a_file(), a_file(state=FileState.READY)
        for one in (young, other, middle, old):
            await records.add(one)
        found = await records.in_state(FileState.UPLOADING, limit=10)
        assert list(found) == [old, middle, young]
        assert list(await records.in_state(FileState.UPLOADING, limit=2)) == [old, middle]
        assert list(await records.in_state(FileState.DELETED, limit=2)) == []

    async def test_what_expired_is_found_by_its_time(self, records: FullRecords) -> None:
        late, soon = a_file(expires_at=START + HOUR), a_file(expires_at=START)
        for one in (a_file(), late, soon):
            await records.add(one)
        state = FileState.UPLOADING
        assert list(await records.in_state(state, before=START, limit=9)) == []
        assert list(await records.in_state(state, before=START + HOUR, limit=9)) == [soon]

    async def test_the_files_of_a_conversation_come_by_id(self, records: FullRecords) -> None:
        talk = ConversationId(new_id())
        files = [a_file(conversation_id=talk) for _ in range(3)]
        for one in (*reversed(files), a_file()):
            await records.add(one)
        assert list(await records.in_conversation(talk, limit=9)) == files
        assert list(await records.in_conversation(talk, limit=2)) == files[:2]
        assert list(await records.in_conversation(talk, after=files[1].id, limit=2)) == files[2:]

    async def test_what_is_used_leaves_out_what_failed_or_is_deleted(
        self, records: FullRecords
    ) -> None:
        owner = UserId(new_id())
        for size, state in enumerate(FileState, 1):
            await records.add(a_file(owner_id=owner, size=10**size, state=state))
        await records.add(a_file(size=5))
        assert await records.used_by(owner) == 10 + 100 + 1000
        assert await records.used_by(UserId(new_id())) == 0

    async def test_a_quota_holds_for_all_at_once(
        self, records: FullRecords, peer: FullRecords
    ) -> None:
        owner = UserId(new_id())
        files = [a_file(owner_id=owner, size=10) for _ in range(8)]
        places = [(records, peer)[number % 2] for number in range(len(files))]
        tries = [place.add(one, quota=35) for place, one in zip(places, files, strict=True)]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        kept = [one for one in outcomes if isinstance(one, File)]
        assert len(kept) == 3
        assert sum(isinstance(one, QuotaExceeded) for one in outcomes) == 5
        assert await records.used_by(owner) == 30
        assert await records.add(kept[0], quota=0) == kept[0]  # a repeat asks for nothing more
        await records.add(a_file(owner_id=owner, size=5), quota=35)

    async def test_every_record_comes_by_id(self, records: FullRecords) -> None:
        files = [a_file() for _ in range(1_100)]
        await asyncio.gather(*(records.add(one) for one in reversed(files)))
        names = [one.id for one in files]
        assert [one.id async for one in records.every()] == names
        assert [one.id async for one in records.every(after=names[1])] == names[2:]

    async def test_a_file_that_no_message_shows_any_more_is_told(
        self, records: FullRecords
    ) -> None:
        file, other = FileId(new_id()), FileId(new_id())
        first, second = MessageId(new_id()), MessageId(new_id())
        for message in (first, second, first):
            await records.attach(file, message)
        await records.attach(other, first)
        assert await records.showing(file) == 2
        assert set(await records.detach(first)) == {other}
        assert await records.showing(file) == 1
        assert set(await records.detach(second)) == {file}
        assert await records.showing(file) == 0
        assert set(await records.detach(MessageId(new_id()))) == set()

    async def test_what_was_detached_stays_so(
        self, records: FullRecords, peer: FullRecords
    ) -> None:
        file, message = FileId(new_id()), MessageId(new_id())
        await records.attach(file, message)
        assert set(await records.detach(message)) == {file}
        await peer.attach(file, message)
        assert await peer.showing(file) == 0
        assert set(await peer.detach(message)) == {file}

    async def test_files_that_no_message_ever_showed_are_found(self, records: FullRecords) -> None:
        ready = {"state": FileState.READY, "ready_at": START}
        forgotten, shown, gone = (a_file(**ready) for _ in range(3))
        young = a_file(state=FileState.READY, ready_at=START + HOUR)
        for one in (forgotten, shown, gone, young, a_file()):
            await records.add(one)
        message = MessageId(new_id())
        await records.attach(shown.id, MessageId(new_id()))
        await records.attach(gone.id, message)
        await records.detach(message)
        assert list(await records.unattached(before=START, limit=9)) == []
        assert list(await records.unattached(before=START + HOUR, limit=9)) == [forgotten]
        later = START + 2 * HOUR
        assert list(await records.unattached(before=later, limit=1)) == [forgotten]

    async def test_every_reference_is_listed_by_file_and_message(
        self, records: FullRecords
    ) -> None:
        files = sorted(FileId(new_id()) for _ in range(3))
        messages = sorted(MessageId(new_id()) for _ in range(2))
        for file in reversed(files):
            for message in messages:
                await records.attach(file, message)
        await records.detach(messages[1])
        await records.attach(files[0], messages[1])
        assert [one async for one in records.references()] == [
            Reference(file, message, message == messages[0])
            for file in files
            for message in messages
        ]
