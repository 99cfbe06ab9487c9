"""`chat4all migrate-store`: everything that is kept, moved to other engines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Self

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from chat4all.cli.contacts import Json
from chat4all.cli.failure import run
from chat4all.cli.invocation import Invocation, invocation
from chat4all.cli.show_settings import shown
from chat4all.cli.terminal import console, print_json, print_table, say
from chat4all.settings import PREFIX

if TYPE_CHECKING:
    from chat4all.bootstrap.moving import Move

EXAMPLES = """Examples:

\b
  chat4all migrate-store --to mongodb://mongo/chat4all --to postgresql://chat4all@db/chat4all
  chat4all migrate-store --to 'kafka://kafka:9092/chat4all?partitions=16' --to s3://chat4all
  chat4all migrate-store --from sqlite:////srv/chat4all-data --to mongodb://mongo/chat4all
  chat4all migrate-store --verify --to mongodb://mongo/chat4all
"""


def migrate_store(
    context: typer.Context,
    to: Annotated[
        list[str],
        typer.Option(
            "--to", help="Address of a new engine, again for more; sqlite:///FOLDER: all."
        ),
    ],
    source: Annotated[
        list[str] | None,
        typer.Option("--from", help="Address of an engine it is in now; else as the settings say."),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Copy nothing: compare what was copied before.")
    ] = False,
    drop_uploads: Annotated[
        bool, typer.Option("--drop-uploads", help="Give up files that are being uploaded.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Move what is kept to other engines, and compare both sides.

    Stop the server first. The source is left as it is. Run the same command again after it
    was broken off: it goes on. What no --to names stays where it is.
    """
    plan, counts = run(
        _move(invocation(context), source or [], to, only_verify=verify, drop_uploads=drop_uploads)
    )
    changed = _changed(plan)
    if as_json:
        print_json({"ok": True, "counts": counts, "settings": changed})
        return
    print_table(
        ("moved and compared", "count"), [(what, str(n)) for what, n in counts.items() if n]
    )
    say("Both sides are alike. Start the server with these settings:")
    for variable, value in changed.items():
        say(f"  {variable}={value}")


def _changed(plan: Move) -> dict[str, str]:
    """Return the settings that are others now, without the secrets in them."""
    changed = {
        f"{PREFIX}{name.upper()}": shown(getattr(plan.target, name))
        for name in plan.moved
        if getattr(plan.source, name) or getattr(plan.target, name)
    }
    if plan.target.data_dir != plan.source.data_dir:
        changed[f"{PREFIX}DATA_DIR"] = str(plan.target.data_dir)
    return changed


async def _move(
    given: Invocation,
    sources: list[str],
    targets: list[str],
    *,
    only_verify: bool,
    drop_uploads: bool,
) -> tuple[Move, dict[str, int]]:
    from chat4all.bootstrap.moving import move, plan_move  # noqa: PLC0415 - slow to load

    plan = plan_move(given.settings(), sources, targets, drop_uploads=drop_uploads)
    with _Shown() as meter:
        return plan, await move(plan, meter, only_verify=only_verify)


class _Shown:
    """A bar for each part on a terminal, a line for each elsewhere."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, what: str, total: int | None = None) -> None:
        """Show that a part begins."""
        if self._progress.disable:
            say(f"{what} ..." if total is None else f"{what} ({total}) ...", stderr=True)
        if self._task is not None:
            self._progress.stop_task(self._task)
        self._task = self._progress.add_task(what, total=total)

    def moved(self, count: int) -> None:
        """Show that more is done."""
        if self._task is not None:
            self._progress.advance(self._task, count)
