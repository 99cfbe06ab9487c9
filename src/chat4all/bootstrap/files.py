"""Builds everything that has to do with files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from chat4all.bootstrap.file_storage import FileStorage
from chat4all.bootstrap.media import open_inspector, scanner_of
from chat4all.gateway.rest.body_stream import Patience
from chat4all.gateway.rest.file_tools import FileTools
from chat4all.ports.event_log import COMMANDS, EVENTS, EventLog
from chat4all.ports.media import MediaInspector
from chat4all.ports.users import Keys
from chat4all.services.clock import Clock, utc_now
from chat4all.services.complete_file import CompleteFile
from chat4all.services.delete_file import DeleteFile
from chat4all.services.examine_file import ExamineFile
from chat4all.services.file_access import FileAccess
from chat4all.services.file_intake import FileIntake
from chat4all.services.file_keeper import GROUP, PAUSE, FileKeeper
from chat4all.services.file_library import FileLibrary
from chat4all.services.file_links import FileLinks
from chat4all.services.file_meter import FileMeter, NoFileMeter
from chat4all.services.file_objects import Discard
from chat4all.services.file_sweeper import FileSweeper
from chat4all.services.initiate_file import InitiateFile
from chat4all.services.metered_file_records import MeteredFileRecords
from chat4all.services.notify import FindConversation
from chat4all.services.presign_part import PresignPart
from chat4all.services.spool import Spool
from chat4all.services.upload_file import UploadFile
from chat4all.settings import Settings

ROUTER = "router"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The services of files that other parts of a process use."""

    storage: FileStorage
    tools: FileTools
    library: FileLibrary
    intake: FileIntake
    discard: Discard


@asynccontextmanager
async def open_files(
    settings: Settings,
    storage: FileStorage,
    find: FindConversation,
    keys: Keys,
    event_log: EventLog | None,
    *,
    inspector: MediaInspector | None = None,
    meter: FileMeter | None = None,
    now: Clock = utc_now,
) -> AsyncIterator[Files]:
    """Build the services of files on their storage; what they are at is finished at the end.

    A process without the `event_log` cannot tell whether a message shows a file. The
    `inspector` is the best one that is installed, unless another is given.
    """
    objects, counts = storage.objects, meter or NoFileMeter()
    records = MeteredFileRecords(storage.records, counts)
    address = settings.files_url.rstrip("/") or settings.address
    links = await FileLinks.load(keys, address=address, now=now)
    access = FileAccess(records, find)
    discard = Discard(records, objects, now=now)
    library = FileLibrary(records, objects, links, meter=counts)
    spool = Spool(settings.data_dir / "spool")
    initiate = InitiateFile(
        access,
        records,
        objects,
        quota=settings.file_quota_bytes or None,
        lasting=timedelta(hours=settings.upload_expiry_hours),
        meter=counts,
        now=now,
    )
    idle = None if event_log is None else partial(_idle, event_log)
    async with nullcontext(inspector) if inspector else open_inspector(settings) as looking:
        scanner = scanner_of(settings)
        examine = ExamineFile(records, objects, looking, discard, scanner=scanner, now=now)
        uploads = UploadFile(access, objects, discard, meter=counts, now=now)
        complete = CompleteFile(access, objects, discard, examine)
        async with aclosing(complete):
            yield Files(
                storage=storage,
                tools=FileTools(
                    access=access,
                    initiate=initiate,
                    uploads=uploads,
                    presign=PresignPart(uploads, objects, now=now),
                    complete=complete,
                    delete=DeleteFile(access, storage.records, discard, idle, settings.address),
                    library=library,
                    links=links,
                    spool=spool,
                    address=address,
                    patience=Patience(seconds=settings.upload_stall_seconds),
                ),
                library=library,
                intake=FileIntake(records, objects, discard, examine, spool, meter=counts, now=now),
                discard=discard,
            )


def file_keeper(files: Files, event_log: EventLog, *, pause: float = PAUSE) -> FileKeeper:
    """Return what follows the events for files."""
    records = files.storage.records
    return FileKeeper(event_log, records, records, files.discard, pause=pause)


def file_sweeper(
    files: Files,
    event_log: EventLog,
    settings: Settings,
    *,
    meter: FileMeter | None = None,
    now: Clock = utc_now,
) -> FileSweeper:
    """Return what removes files that nobody will ask for again."""
    records = files.storage.records
    return FileSweeper(
        records,
        records,
        files.storage.objects,
        files.discard,
        idle=partial(_idle, event_log),
        lasting=timedelta(hours=settings.upload_expiry_hours),
        meter=meter,
        now=now,
    )


def _idle(event_log: EventLog) -> bool:
    """Say whether the references of files are up to date with all that was accepted."""
    return not (event_log.backlog(COMMANDS, ROUTER) or event_log.backlog(EVENTS, GROUP))
