"""`chat4all import`: what WhatsApp and Telegram exported, into one's conversations."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from chat4all.cli.api import Api
from chat4all.cli.connection import as_operator
from chat4all.cli.contacts import Json
from chat4all.cli.export_json import chat_json, message_json
from chat4all.cli.failure import FAILED, USAGE, CommandFailed, reporting, run
from chat4all.cli.import_report import Imported, Report, print_plan, print_report
from chat4all.cli.invocation import Invocation, invocation
from chat4all.cli.terminal import console, print_json
from chat4all.services.chat_export import (
    DateOrder,
    Export,
    ExportedChat,
    MessageKind,
    NotAChatExport,
    read_export,
)

BATCH, BATCH_BYTES = 500, 2 * 1024 * 1024

EXAMPLES = """Examples:

\b
  chat4all import "WhatsApp Chat with Bia.txt" --owner ana --me Ana --timezone America/Sao_Paulo
  chat4all import result.json --owner ana --me "Ana Lima" --dry-run
"""


@dataclass(slots=True)
class _Batches:
    """Messages of one chat, cut into calls by number and by size."""

    export: Export
    chat: ExportedChat
    notices: int = field(default=0)

    def __iter__(self) -> Iterator[list[dict[str, Any]]]:
        batch: list[dict[str, Any]] = []
        size = 0
        for message in self.export.messages(self.chat):
            self.notices += message.kind is MessageKind.NOTICE
            shown = message_json(message)
            weight = len(json.dumps(shown))
            if batch and (len(batch) == BATCH or size + weight > BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(shown)
            size += weight
        if batch:
            yield batch


def import_chats(
    context: typer.Context,
    *,
    file: Annotated[
        Path, typer.Argument(help="WhatsApp's .txt or .zip, or Telegram Desktop's result.json.")
    ],
    owner: Annotated[str, typer.Option(help="Username of whose chats these are.")],
    me: Annotated[str, typer.Option(help="What the export calls the owner: a name or a key.")],
    timezone: Annotated[
        str, typer.Option(help="Where the exporting phone was, such as America/Sao_Paulo.")
    ] = "UTC",
    date_order: Annotated[
        DateOrder | None,
        typer.Option(help="Of a WhatsApp export whose dates can be read two ways."),
    ] = None,
    chat_name: Annotated[
        str | None, typer.Option(help="Of a WhatsApp export; else from the file's name.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only read the file and say what is in it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring in chats from WhatsApp or Telegram.

    Messages keep their times and authors. Importing again adds what is new and
    doubles nothing. Nothing is sent to anybody.
    """
    with reporting(), _progress() as progress:
        bar = progress.add_task("reading", total=None, visible=not dry_run)
        export = _read(
            file,
            timezone=_zone(timezone),
            date_order=date_order,
            chat_name=chat_name,
            progress=lambda step: progress.advance(bar, step),
        )
        progress.update(bar, total=export.total_units, description="importing")
        _check_me(export, me)
        if not dry_run:
            report = run(_import(invocation(context), export, owner, me))
            progress.update(bar, completed=export.total_units)
    if dry_run:
        print_plan(export, as_json=as_json)
        return
    if as_json:
        print_json(report.as_json())
    else:
        print_report(report)
    if report.failed:
        raise typer.Exit(FAILED)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise CommandFailed(
            f"--timezone: there is no time zone {name}; write one such as America/Sao_Paulo",
            code=USAGE,
        ) from error


def _read(file: Path, **options: Any) -> Export:
    try:
        return read_export(file, **options)
    except NotAChatExport as error:
        raise CommandFailed(f"{file}: {error}") from error


def _check_me(export: Export, me: str) -> None:
    """Refuse a name that nobody has, before anything is imported."""
    wanted = me.strip().casefold()
    everyone = {one.key: one.name or one.key for chat in export.chats for one in chat.participants}
    known = {text.casefold() for pair in everyone.items() for text in pair}
    if wanted not in known and len(everyone) > 1:
        names = sorted(set(everyone.values()))
        more = f" and {len(names) - 20} more" if len(names) > 20 else ""  # noqa: PLR2004 - enough to see
        raise CommandFailed(
            f"--me: nobody in this export is called {me}; there are {', '.join(names[:20])}{more}",
            code=USAGE,
        )


async def _import(where: Invocation, export: Export, owner: str, me: str) -> Report:
    report = Report(export)
    async with as_operator(where) as api:
        for chat in export.chats:
            if chat.message_count:
                report.chats.append(await _chat(api, export, chat, owner, me))
    return report


async def _chat(api: Api, export: Export, chat: ExportedChat, owner: str, me: str) -> Imported:
    imported = Imported(chat)
    batches = _Batches(export, chat)
    try:
        for batch in batches:
            body = {"owner": owner, "me": me, "chat": chat_json(chat), "messages": batch}
            imported.add(await api.post("/v1/admin/import", body))
    except CommandFailed as error:  # the other chats of the export may fare better
        imported.error = str(error)
    imported.notices = batches.notices
    return imported
