"""`chat4all repair`: what the store lacks of what the log accepted is filled in."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chat4all.cli.connection import as_operator
from chat4all.cli.contacts import Json
from chat4all.cli.failure import FAILED, run
from chat4all.cli.invocation import Invocation, invocation
from chat4all.cli.terminal import print_json, say

REPAIR = "/v1/admin/integrity/repair"
COUNTS, LISTS = ("looked", "filled", "unclear"), ("first_filled", "first_unclear")
EXAMPLES = """Examples:

\b
  chat4all repair --dry-run
  chat4all repair --partition 3 --from 120000 --to 130000
  chat4all repair --since 2026-01-31T12:00:00Z
"""


def repair(
    context: typer.Context,
    partition: Annotated[
        int | None, typer.Option(min=0, help="Only this partition of the commands; else all.")
    ] = None,
    first: Annotated[int, typer.Option("--from", min=0, help="First offset to look at.")] = 0,
    last: Annotated[
        int | None, typer.Option("--to", min=0, help="Last offset; else all that is done.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only what was accepted at this time or later (RFC 3339).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what is lacking.")] = False,
    as_json: Json = False,
) -> None:
    """Fill in what the store lacks of what the log accepted and still has.

    Messages get the numbers they had; what is there stays as it is, and nothing is sent again.
    Works while the server runs, and a repeat does no harm. Ends with 1 when something could
    not be filled in.
    """
    asked = {"partition": partition, "first": first, "last": last, "since": since}
    found = run(_repaired(invocation(context), {**asked, "dry_run": dry_run}))
    if as_json:
        print_json(found)
    else:
        _tell(found, dry_run=dry_run)
    if found["unclear"]:
        raise typer.Exit(FAILED)


async def _repaired(where: Invocation, asked: dict[str, Any]) -> dict[str, Any]:
    """Return what all calls together have done; one looks at some thousands of commands."""
    total: dict[str, Any] = {**dict.fromkeys(COUNTS, 0), **{name: [] for name in LISTS}}
    async with as_operator(where) as api:
        after: str | None = None
        while True:
            done = await api.post(REPAIR, {**asked, "after": after})
            for name in (*COUNTS, *LISTS):
                total[name] += done[name]
            after = done["stopped_at"]
            if after is None:
                return total


def _tell(found: dict[str, Any], *, dry_run: bool) -> None:
    filled = "lacking" if dry_run else "filled in"
    for words, name, count in (
        (filled, "first_filled", found["filled"]),
        ("cannot be filled in", "first_unclear", found["unclear"]),
    ):
        for one in found[name]:
            say(f"{one['position']}: {one['detail']}: {words}")
        if count > len(found[name]):
            say(f"and {count - len(found[name])} more: {words}")
    before = found["looked"] - found["filled"] - found["unclear"]
    say(
        f"Looked at {found['looked']} commands: {before} done before, {found['filled']} {filled}, "
        f"{found['unclear']} cannot be filled in."
    )
