"""Opens where files live: their records, and the objects that hold their bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from chat4all.adapters.localfs.object_store import LocalFsObjectStore
from chat4all.adapters.memory.file_records import MemoryFileRecords
from chat4all.adapters.sqlite.file_records import SqliteFileRecords
from chat4all.bootstrap.extras import require
from chat4all.domain.errors import BadSettings
from chat4all.ports.file_records import FileRecords, FileReferences
from chat4all.ports.moving import SupportsReferences
from chat4all.ports.object_store import ObjectStore
from chat4all.settings import Settings


class Records(FileRecords, FileReferences, SupportsReferences, Protocol):
    """Records of files and which messages show them, in one storage."""


@dataclass(frozen=True, slots=True)
class FileStorage:
    """The two engines of files."""

    records: Records
    objects: ObjectStore


RECORDS: dict[str, Callable[[Path], AbstractAsyncContextManager[Records]]] = {
    "sqlite": SqliteFileRecords,
    "memory": lambda _: nullcontext(MemoryFileRecords()),
}
MONGODB = frozenset({"mongodb", "mongodb+srv"})
"""Schemes of messages, and with them of records, in MongoDB."""


def open_records(settings: Settings) -> AbstractAsyncContextManager[Records]:
    """Return the records that the settings name, not yet opened."""
    kind = urlsplit(settings.messages_url).scheme or "sqlite"
    if kind not in MONGODB:
        return RECORDS[kind](settings.data_dir / "files.sqlite3")
    require("pymongo", "mongodb", "CHAT4ALL_MESSAGES_URL: MongoDB")
    from chat4all.adapters.mongodb.file_records import (  # noqa: PLC0415 - of an extra
        MongoFileRecords,
    )

    return MongoFileRecords(settings.messages_url)


def _folder(url: str) -> Path:
    path = Path(unquote(urlsplit(url).path))
    if not path.name:
        raise BadSettings(f"CHAT4ALL_OBJECTS_URL: {url} names no folder; use file:///folder")
    return path


def _bucket(url: str) -> AbstractAsyncContextManager[ObjectStore]:
    require("aioboto3", "s3", "CHAT4ALL_OBJECTS_URL: S3")
    from chat4all.adapters.s3.object_store import S3ObjectStore  # noqa: PLC0415 - of an extra

    return S3ObjectStore(url)


OBJECTS: dict[str, Callable[[str], AbstractAsyncContextManager[ObjectStore]]] = {
    "file": lambda url: LocalFsObjectStore(_folder(url)),
    "s3": _bucket,
}


def open_objects(settings: Settings) -> AbstractAsyncContextManager[ObjectStore]:
    """Return the objects that the settings name, not yet opened."""
    url = settings.objects_url or (settings.data_dir / "objects").absolute().as_uri()
    return OBJECTS[urlsplit(url).scheme](url)


@asynccontextmanager
async def open_file_storage(settings: Settings) -> AsyncIterator[FileStorage]:
    """Open what the settings name; the embedded default lies in the data folder.

    Records live beside the messages. Several processes may open the same storage.
    """
    async with open_records(settings) as records, open_objects(settings) as objects:
        yield FileStorage(records, objects)
