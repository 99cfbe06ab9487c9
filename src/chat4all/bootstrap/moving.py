"""Moves an installation, or a part of it, to other engines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from chat4all.adapters.sql.directory import SqlDirectory
from chat4all.bootstrap.file_storage import MONGODB, open_objects, open_records
from chat4all.bootstrap.storage import SERVERS, locked, open_directory, open_log, open_messages
from chat4all.domain.errors import BadSettings, MoveRefused
from chat4all.ports.event_log import EVENTS
from chat4all.router import worker
from chat4all.services import file_keeper
from chat4all.services.log_generation import continued
from chat4all.services.moving.directory import MoveDirectory
from chat4all.services.moving.log import MoveLog, require_unread
from chat4all.services.moving.messages import MoveMessages
from chat4all.services.moving.objects import MoveObjects
from chat4all.services.moving.part import Meter, Part
from chat4all.services.moving.records import MoveRecords, as_is, without_upload
from chat4all.settings import Settings, load_settings

ENGINES = {
    "messages_url": "messages.sqlite3",
    "objects_url": "objects",
    "log_url": "log.sqlite3",
    "directory_url": "directory.sqlite3",
}
"""What can be moved, and what of each has to be in a data folder it is moved from."""
_OF_SCHEME = {
    "kafka": "log_url",
    "s3": "objects_url",
    "file": "objects_url",
    **dict.fromkeys(MONGODB, "messages_url"),
    **dict.fromkeys(SERVERS, "directory_url"),
}
_FOLDER = "sqlite"


@dataclass(frozen=True, slots=True)
class Move:
    """From where to where: the settings of both, which differ in `moved`."""

    source: Settings
    target: Settings
    moved: Sequence[str]
    drop_uploads: bool = False


def plan_move(
    settings: Settings,
    sources: Sequence[str],
    targets: Sequence[str],
    *,
    drop_uploads: bool = False,
) -> Move:
    """Return what is to be moved.

    An address names an engine by its scheme; `sqlite:///FOLDER` is a data folder with all of
    them. What `sources` do not name is as `settings` say, what `targets` do not name stays
    where it is. Raises `BadSettings`.
    """
    source = _with(settings, sources)
    target = _with(source, targets)
    moved = [name for name in ENGINES if _place(source, name) != _place(target, name)]
    if not moved:
        raise BadSettings(
            "nothing to move: name the new engines with --to, such as mongodb://HOST/DATABASE or "
            "postgresql://HOST/DATABASE"
        )
    return Move(source, target, moved, drop_uploads)


async def move(plan: Move, meter: Meter, *, only_verify: bool = False) -> dict[str, int]:
    """Move all that the plan says, and compare both sides; return what there is, by kind.

    Raises `MoveRefused`, `DataFolderInUse` while a server has one of the folders, and what
    the engines raise.
    """
    async with AsyncExitStack() as stack:
        for folder in _folders(plan):
            stack.enter_context(locked(folder))
        if urlsplit(plan.source.log_url).scheme == "kafka":  # roles hold no folder
            async with open_log(plan.source) as log:
                await require_unread(log)
        parts = [
            part
            for name in plan.moved
            for part in await stack.enter_async_context(_PARTS[name](plan, meter))
        ]
        for part in parts:
            await part.require()
        if not only_verify:
            for part in parts:
                await part.copy()
        counts: dict[str, int] = {}
        for part in parts:
            counts |= await part.verify()
        return counts


def _with(settings: Settings, addresses: Sequence[str]) -> Settings:
    given: dict[str, Any] = {}
    for address in addresses:
        try:
            parts = urlsplit(address)
        except ValueError:  # its text may quote a password
            raise BadSettings("--from and --to: one of the addresses cannot be read") from None
        name = "data_dir" if parts.scheme == _FOLDER else _OF_SCHEME.get(parts.scheme)
        if name is None:
            known = ", ".join(f"{one}://" for one in (_FOLDER, *_OF_SCHEME))
            said = f"{parts.scheme}://" if parts.scheme else "an address without a scheme"
            raise BadSettings(f"--from and --to: {said} names no engine; use one of {known}")
        if name in given:
            raise BadSettings(f"--from and --to: two addresses name the engine {parts.scheme}://")
        given[name] = _folder(parts.path) if name == "data_dir" else address
    if "data_dir" in given:  # all of a data folder that is not named otherwise
        given = {**dict.fromkeys(ENGINES, ""), **given}
    # Through the door of all settings: what they refuse is refused here.
    kept = {name: getattr(settings, name) for name in settings.model_fields_set}
    return load_settings({**kept, **given}, {})


def _path(path: str) -> Path:
    """Return the path in a URL, which some write with three slashes and some with four."""
    return Path("/" + unquote(path).lstrip("/"))


def _folder(path: str) -> Path:
    folder = _path(path)
    if not folder.name:
        raise BadSettings("sqlite:// names no folder; use sqlite:////folder/chat4all-data")
    if folder.is_file() or folder.suffix == ".sqlite3":
        raise BadSettings(f"{folder} is a file; name the data folder that it is in")
    return folder


def _place(settings: Settings, name: str) -> str:
    """Return where an engine keeps its things."""
    url = getattr(settings, name)
    if not url:
        return str((settings.data_dir / ENGINES[name]).absolute())
    parts = urlsplit(url)
    return str(_path(parts.path)) if parts.scheme in {_FOLDER, "file"} else url


def _folders(plan: Move) -> list[Path]:
    """Return the data folders that are read or written, after a look whether they can be."""
    source = plan.source.data_dir
    for name in plan.moved:
        if not getattr(plan.source, name) and not (source / ENGINES[name]).exists():
            raise MoveRefused(
                f"there is no {ENGINES[name]} in {source.absolute()}: name the data folder with "
                "--from sqlite:///FOLDER"
            )
    folders = [source] if source.is_dir() else []
    if any(not getattr(plan.target, name) for name in plan.moved):
        folders.append(plan.target.data_dir)
    return list(dict.fromkeys(one.absolute() for one in folders))


@asynccontextmanager
async def _messages(plan: Move, meter: Meter) -> AsyncIterator[list[Part]]:
    """Messages, and the records of files beside them."""
    async with (
        open_messages(plan.source) as messages,
        open_messages(plan.target) as their_messages,
        open_records(plan.source) as records,
        open_records(plan.target) as their_records,
    ):
        yield [
            MoveMessages(messages, their_messages, meter),
            MoveRecords(
                records,
                their_records,
                meter,
                becoming=without_upload if "objects_url" in plan.moved else as_is,
            ),
        ]


@asynccontextmanager
async def _objects(plan: Move, meter: Meter) -> AsyncIterator[list[Part]]:
    async with (
        open_records(plan.source) as records,
        open_objects(plan.source) as ours,
        open_objects(plan.target) as theirs,
    ):
        yield [MoveObjects(ours, theirs, records, meter, drop_uploads=plan.drop_uploads)]


@asynccontextmanager
async def _log(plan: Move, meter: Meter) -> AsyncIterator[list[Part]]:
    async with open_log(plan.source) as ours, open_log(plan.target) as theirs:
        yield [
            MoveLog(
                await continued(ours),
                theirs,
                meter,
                router=worker.GROUP,
                # Who was to be told of an event asks the store; what shows a file, nobody would.
                keepers={EVENTS: file_keeper.GROUP},
            )
        ]


@asynccontextmanager
async def _directory(plan: Move, meter: Meter) -> AsyncIterator[list[Part]]:
    async with open_directory(plan.source) as ours, open_directory(plan.target) as theirs:
        if not isinstance(ours, SqlDirectory) or not isinstance(theirs, SqlDirectory):
            raise BadSettings("a directory in memory cannot be moved")
        yield [MoveDirectory(ours.rows, theirs.rows, meter)]


_PARTS = {
    "messages_url": _messages,
    "objects_url": _objects,
    "log_url": _log,
    "directory_url": _directory,
}
"""What moves each engine, in the order of the move: who may sign in comes last."""
