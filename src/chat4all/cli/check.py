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
    "cursor_back": "a cursor is where it was moved to, or further",
    "status_stuck": "an attempt is sent or given up by its deadline",
    "lost_record": "what the log accepted is stored, or refused with a reason",
    "orphan_file": "all stored bytes belong to a file",
    "missing_object": "every file that is ready has its bytes",
}
SILENT_SECONDS = 60.0
"""An auditor that has not written for so long does not run."""

EXAMPLES = """Examples:

\b
  chat4all check
  chat4all check --watch 10
"""


def check(
    context: typer.Context,
    watch: Annotated[
        float | None,
        typer.Option(min=0.1, help="Show every so many seconds what the auditor has proven."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check the integrity of what is stored.

    Works while the server runs. Looks at everything now; with --watch it follows the auditor,
    which looks all the time. Ends with 1 when a check fails, naming the conversations.
    """
    good = run(_check(invocation(context), watch, as_json=as_json))
    if not good:
        raise typer.Exit(FAILED)


async def _check(where: Invocation, watch: float | None, *, as_json: bool) -> bool:
    async with as_operator(where) as api:
        if watch is None:
            return await _once(api, as_json=as_json)
        good = True
        try:
            while True:
                good = await _watched(api, as_json=as_json) and good
                await asyncio.sleep(watch)
        except asyncio.CancelledError:  # Ctrl-C: the watch ends, its verdict stands
            return good


async def _once(api: Api, *, as_json: bool) -> bool:
    report = await api.get("/v1/admin/integrity/check")
    good = not any(report["findings"].values())
    if as_json:
        print_json({"ok": good, **report})
        return good
    _show(report["findings"])
    looked = ", ".join(f"{many} {what}" for what, many in report["counts"].items())
    say(f"Looked at {looked}.")
    _tell(report["findings"], report["first"])
    return good


async def _watched(api: Api, *, as_json: bool) -> bool:
    report = await api.get("/v1/admin/integrity")
    good = not any(report["findings"].values())
    if as_json:
        print_json_line({"ok": good, **report})
        return good
    now = datetime.now().astimezone()
    say(f"{now:%Y-%m-%d %H:%M:%S}: {_how_far(report, now)}")
    _show(report["findings"])
    _tell(report["findings"], report["latest"])
    return good


def _how_far(report: dict[str, Any], now: datetime) -> str:
    """Return in words until when all is proven, and whether the auditor is at it."""
    if report["looked_at"] is None:
        return "no auditor has run yet (CHAT4ALL_AUDIT_RATE, or `chat4all run auditor`)"
    looked = datetime.fromisoformat(report["looked_at"]).astimezone()
    until = report["proven_until"]
    far = "not yet through with everything"
    if until is not None:
        far = f"proven until {datetime.fromisoformat(until).astimezone():%Y-%m-%d %H:%M:%S}"
    if (now - looked).total_seconds() > SILENT_SECONDS:
        return f"{far}; no auditor runs since {looked:%Y-%m-%d %H:%M:%S}"
    going = [one for one in report["parts"] if one["proven_until"] is None]
    left = ", ".join(f"{one['part']} ({one['looked']} looked at)" for one in going)
    return f"{far}; first pass of {left}" if left else far


def _show(findings: dict[str, int]) -> None:
    rows = []
    for name, promise in CHECKS.items():
        found = findings.get(name, 0)
        verdict = Text("FAILED", style="bold red") if found else Text("ok", style="green")
        rows.append((name, promise, str(found), verdict))
    print_table(("check", "promise", "findings", ""), rows)


def _tell(findings: dict[str, int], told: list[dict[str, Any]]) -> None:
    for one in told:
        place = one["conversation_id"] or "(no conversation)"
        say(f"{one['check']} in {place}: {one['detail']}")
    more = sum(findings.values()) - len(told)
    if more > 0:
        say(f"and {more} more")
