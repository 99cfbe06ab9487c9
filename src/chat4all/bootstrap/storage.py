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
from chat4all.bootstrap.extras import require
from chat4all.bootstrap.file_storage import MONGODB, FileStorage, open_file_storage
from chat4all.domain.errors import BadSettings, DataFolderInUse, MoveRefused
from chat4all.ports.directory import Directory
from chat4all.ports.ephemeral import Ephemeral
from chat4all.ports.event_log import EventLog, SupportsRead, SupportsTrim
from chat4all.ports.integrity import AuditNotes, Integrity
from chat4all.ports.message_store import MessageData, SupportsMoments, SupportsSearch
from chat4all.ports.moving import SupportsConversations, SupportsCopies
from chat4all.services.directory_cache import SHARED_AGE
from chat4all.services.fallback_ephemeral import FallbackEphemeral
from chat4all.services.log_generation import Log as MovableLog
from chat4all.services.log_generation import continued
from chat4all.settings import Settings


class Log(EventLog, SupportsRead, SupportsTrim, Protocol):
    """An event log with the powers that a server uses."""


class Store(
    MessageData,
    SupportsSearch,
    SupportsMoments,
    SupportsConversations,
    Integrity,
    AuditNotes,
    Protocol,
):
    """A message store with the powers that a server uses."""


class MovableStore(Store, SupportsCopies, Protocol):
    """A message store that can be moved as well."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The engines of one process.

    `ephemeral` goes on with what this process knows when the state that `nodes` share is
    lost; `nodes` says so (`Unavailable`).
    """

    log: Log
    messages: Store
    directory: Directory
    ephemeral: Ephemeral
    nodes: Ephemeral
    files: FileStorage
    cache_age: float | None
    """Seconds for which what was read of the directory is kept; None where one process has it."""

    def is_shared(self) -> bool:
        """Say whether what the nodes share answered when it was last asked."""
        return not isinstance(self.ephemeral, FallbackEphemeral) or self.ephemeral.is_shared


T = TypeVar("T")


LOGS: dict[str, Callable[[Path], AbstractAsyncContextManager[MovableLog]]] = {
    "sqlite": SqliteEventLog,
    "memory": lambda _: nullcontext(MemoryEventLog()),
}
MESSAGES: dict[str, Callable[[Path], AbstractAsyncContextManager[MovableStore]]] = {
    "sqlite": SqliteMessageStore,
    "memory": lambda _: nullcontext(MemoryMessageStore()),
}
DIRECTORIES: dict[str, Callable[[Path], AbstractAsyncContextManager[Directory]]] = {
    "sqlite": lambda path: SqlDirectory(f"sqlite:///{path}"),
    "memory": lambda _: MemoryDirectory(),
}
SERVERS = {
    "postgresql": ("PostgreSQL", "asyncpg"),
    "cockroachdb": ("CockroachDB", "sqlalchemy_cockroachdb"),
}
"""Directories that several machines may share: their names, and the module of the extra."""


@asynccontextmanager
async def open_storage(settings: Settings) -> AsyncIterator[Storage]:
    """Open what the settings name, for this process alone: it holds the data folder.

    Raises `StartRefused` with what is wrong and what to do.
    """
    with locked(settings.data_dir):
        async with open_engines(settings) as storage:
            yield storage


@asynccontextmanager
async def open_engines(settings: Settings) -> AsyncIterator[Storage]:
    """Open what the settings name; the embedded default lies in the data folder.

    Raises `StartRefused`; `EngineMissing` when a server does not answer.
    """
    async with AsyncExitStack() as stack:
        directory = await stack.enter_async_context(open_directory(settings))
        messages = await stack.enter_async_context(open_messages(settings))
        if await messages.is_unfinished():
            raise MoveRefused(
                "CHAT4ALL_MESSAGES_URL: what is there is an unfinished copy: run `chat4all "
                "migrate-store` again, until it ends with 0"
            )
        files = await stack.enter_async_context(open_file_storage(settings))
        # The last of the databases, since opening it writes: what is refused was left alone.
        log = await continued(await stack.enter_async_context(open_log(settings)))
        local = MemoryEphemeral()
        nodes = await stack.enter_async_context(open_shared(settings, local))
        is_shared = nodes is not local or urlsplit(settings.directory_url).scheme in SERVERS
        yield Storage(
            log=log,
            messages=messages,
            directory=directory,
            ephemeral=local if nodes is local else FallbackEphemeral(nodes, local),
            nodes=nodes,
            files=files,
            cache_age=SHARED_AGE if is_shared else None,
        )


def open_shared(
    settings: Settings, local: MemoryEphemeral
) -> AbstractAsyncContextManager[Ephemeral]:
    """Return what all nodes share; `memory://` is for an installation of one process."""
    url = settings.ephemeral_url
    if urlsplit(url).scheme == "memory":
        return nullcontext(local)
    require("redis", "redis", "CHAT4ALL_EPHEMERAL_URL: Redis")
    from chat4all.adapters.redis.ephemeral import (  # noqa: PLC0415 - of an extra
        RedisEphemeral,
    )

    return RedisEphemeral(url)


def open_directory(settings: Settings) -> AbstractAsyncContextManager[Directory]:
    """Return the directory that the settings name, not yet opened; processes may share it."""
    url = settings.directory_url
    scheme = urlsplit(url).scheme
    if scheme in SERVERS:
        name, module = SERVERS[scheme]
        require(module, scheme, f"CHAT4ALL_DIRECTORY_URL: {name}")
        return SqlDirectory(url)
    return _open(DIRECTORIES, url, settings.data_dir / "directory.sqlite3")


def open_log(settings: Settings) -> AbstractAsyncContextManager[MovableLog]:
    """Return the log that the settings name, not yet opened, and as it counts itself."""
    url = settings.log_url
    if urlsplit(url).scheme != "kafka":
        return _open(LOGS, url, settings.data_dir / "log.sqlite3")
    require("confluent_kafka", "kafka", "CHAT4ALL_LOG_URL: Kafka")
    from chat4all.adapters.kafka.event_log import KafkaEventLog  # noqa: PLC0415 - of an extra

    return KafkaEventLog(url)


def open_messages(settings: Settings) -> AbstractAsyncContextManager[MovableStore]:
    """Return the messages that the settings name, not yet opened."""
    url = settings.messages_url
    if urlsplit(url).scheme not in MONGODB:
        return _open(MESSAGES, url, settings.data_dir / "messages.sqlite3")
    require("pymongo", "mongodb", "CHAT4ALL_MESSAGES_URL: MongoDB")
    from chat4all.adapters.mongodb.message_store import (  # noqa: PLC0415 - of an extra
        MongoMessageStore,
    )

    return MongoMessageStore(url)


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
