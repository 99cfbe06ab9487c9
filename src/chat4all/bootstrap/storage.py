"""Opens the engines that the settings name."""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.adapters.memory.message_store import MemoryMessageStore
from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.adapters.sqlite.event_log import SqliteEventLog
from chat4all.adapters.sqlite.message_store import SqliteMessageStore
from chat4all.domain.errors import BadSettings, DataFolderInUse
from chat4all.ports.directory import Directory
from chat4all.ports.ephemeral import Ephemeral
from chat4all.ports.event_log import EventLog, SupportsRead, SupportsTrim
from chat4all.ports.integrity import Integrity
from chat4all.ports.message_store import MessageData, SupportsMoments, SupportsSearch
from chat4all.settings import Settings


class Log(EventLog, SupportsRead, SupportsTrim, Protocol):
    """An event log with the powers that this program uses."""


class Store(MessageData, SupportsSearch, SupportsMoments, Integrity, Protocol):
    """A message store with the powers that this program uses."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The four engines of one process."""

    log: Log
    messages: Store
    directory: Directory
    ephemeral: Ephemeral


T = TypeVar("T")


LOGS: dict[str, Callable[[Path], AbstractAsyncContextManager[Log]]] = {
    "sqlite": SqliteEventLog,
    "memory": lambda _: nullcontext(MemoryEventLog()),
}
MESSAGES: dict[str, Callable[[Path], AbstractAsyncContextManager[Store]]] = {
    "sqlite": SqliteMessageStore,
    "memory": lambda _: nullcontext(MemoryMessageStore()),
}
DIRECTORIES: dict[str, Callable[[Path], AbstractAsyncContextManager[Directory]]] = {
    "sqlite": lambda path: SqlDirectory(f"sqlite:///{path}"),
    "memory": lambda _: MemoryDirectory(),
}
EPHEMERAL: dict[str, Callable[[], Ephemeral]] = {"memory": MemoryEphemeral}


@asynccontextmanager
async def open_storage(settings: Settings) -> AsyncIterator[Storage]:
    """Open what the settings name; the embedded default lies in the data folder.

    Raises `StartRefused` with what is wrong and what to do.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(locked(settings.data_dir))
        folder = settings.data_dir
        directory = await stack.enter_async_context(
            _open(DIRECTORIES, settings.directory_url, folder / "directory.sqlite3")
        )
        messages = await stack.enter_async_context(
            _open(MESSAGES, settings.messages_url, folder / "messages.sqlite3")
        )
        log = await stack.enter_async_context(_open(LOGS, settings.log_url, folder / "log.sqlite3"))
        ephemeral = EPHEMERAL[urlsplit(settings.ephemeral_url).scheme]()
        yield Storage(log=log, messages=messages, directory=directory, ephemeral=ephemeral)


def _open(kinds: Mapping[str, Callable[[Path], T]], url: str, default: Path) -> T:
    """Return the engine of `url`, whose scheme the settings have checked, not yet opened."""
    if not url:
        return kinds["sqlite"](default)
    parts = urlsplit(url)
    path = Path(unquote(parts.path))
    if parts.scheme == "sqlite" and not path.name:
        raise BadSettings(f"{url} names no file; use sqlite:////folder/name.sqlite3")
    return kinds[parts.scheme](path)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the data folder for this process alone. Raises `DataFolderInUse`."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadSettings(f"CHAT4ALL_DATA_DIR: cannot use {folder}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 20).decode(errors="replace").strip() or "unknown"
            raise DataFolderInUse(
                f"{folder} is in use by process {holder}; stop it, or choose another folder "
                "with --data-dir"
            ) from error
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
