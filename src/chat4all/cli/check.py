"""`chat4all check`: the promises, checked on all that is stored."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from chat4all.cli.api import Api
from chat4all.cli.connection import as_operator
from chat4all.cli.contacts import Json
from chat4all.cli.failure import FAILED, run
from chat4all.cli.invocation import Invocation, invocation
from chat4all.cli.terminal import print_json, print_json_line, print_table, say

CHECKS = {
    "sequence_gap": "numbers are 1, 2, 3 ... in each conversation",
    "duplicate_message_id": "no message is there twice",
    "cursor_mismatch": "read <= delivered <= last number, for each member",
    "orphan_file": "all stored bytes belong to a file",
    "missing_object": "every file that is ready has its bytes",
}

EXAMPLES = """Examples:

\b
  chat4all check
  chat4all check --watch 10
"""


def check(
    context: typer.Context,
    watch: Annotated[
        float | None, typer.Option(min=0.1, help="Check again every so many seconds.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check the integrity of what is stored.

    Works while the server runs. Ends with 1 when a check fails, naming the conversations.
    """
    good = run(_check(invocation(context), watch, as_json=as_json))
    if not good:
        raise typer.Exit(FAILED)


async def _check(where: Invocation, watch: float | None, *, as_json: bool) -> bool:
    async with as_operator(where) as api:
        if watch is None:
            return await _once(api, as_json=as_json, lines=False)
        good = True
        try:
            while True:
                if not as_json:
                    say(datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S"))
                good = await _once(api, as_json=as_json, lines=True) and good
                await asyncio.sleep(watch)
        except asyncio.CancelledError:  # Ctrl-C: the watch ends, its verdict stands
            return good


async def _once(api: Api, *, as_json: bool, lines: bool) -> bool:
    report = await api.get("/v1/admin/integrity")
    good = not any(report["findings"].values())
    if as_json:
        (print_json_line if lines else print_json)({"ok": good, **report})
    else:
        _show(report)
    return good


def _show(report: dict[str, Any]) -> None:
    rows = []
    for name, promise in CHECKS.items():
        found = report["findings"].get(name, 0)
        verdict = Text("FAILED", style="bold red") if found else Text("ok", style="green")
        rows.append((name, promise, str(found), verdict))
    print_table(("check", "promise", "findings", ""), rows)
    looked = ", ".join(f"{many} {what}" for what, many in report["counts"].items())
    say(f"Looked at {looked}.")
    for one in report["first"]:
        place = one["conversation_id"] or "(no conversation)"
        say(f"{one['check']} in {place}: {one['detail']}")
    more = sum(report["findings"].values()) - len(report["first"])
    if more > 0:
        say(f"and {more} more")
