"""`chat4all dead-letters`: what could not be done, and trying it again."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from chat4all.cli.api import PAGE
from chat4all.cli.connection import as_operator
from chat4all.cli.contacts import Json
from chat4all.cli.failure import USAGE, CommandFailed, reporting, run
from chat4all.cli.invocation import Invocation, invocation
from chat4all.cli.terminal import moment, print_json, print_table, say

dead_letters = typer.Typer(help="What could not be done, and why.", no_args_is_help=True)
LETTERS = "/v1/admin/dead-letters"

Stream = Annotated[
    str | None, typer.Option(help="Only of this stream: commands, outbound.telegram ...")
]
Code = Annotated[str | None, typer.Option(help="Only with this code, such as unauthorized.")]
Conversation = Annotated[str | None, typer.Option(help="Only of the conversation with this id.")]
Since = Annotated[str | None, typer.Option(help="Only parked at this time or later (RFC 3339).")]

LIST_EXAMPLES = """Examples:

\b
  chat4all dead-letters list
  chat4all dead-letters list --code unauthorized --since 2026-01-31T12:00:00Z
"""
SHOW_EXAMPLES = """Example:

\b
  chat4all dead-letters show 0.17
"""
REDRIVE_EXAMPLES = """Examples:

\b
  chat4all dead-letters redrive 0.17 0.18
  chat4all dead-letters redrive --all --code unauthorized
"""


@dead_letters.command("list", epilog=LIST_EXAMPLES)
def list_letters(
    context: typer.Context,
    stream: Stream = None,
    code: Code = None,
    conversation: Conversation = None,
    since: Since = None,
    is_open: Annotated[bool, typer.Option("--open", help="Only those not tried again.")] = False,
    as_json: Json = False,
) -> None:
    """List the dead letters, oldest first."""
    which = _filter(stream, code, conversation, since)
    if is_open:
        which["redriven"] = "false"
    found = run(_list(invocation(context), which))
    if as_json:
        print_json(found)
        return
    print_table(
        ("id", "parked", "stream", "kind", "code", "tries", "reason", "redriven"),
        (
            (
                one["id"],
                moment(one["parked_at"]),
                one["stream"],
                one["kind"] or "unreadable",
                one["code"],
                str(one["attempts"]),
                one["reason"],
                moment(one["redriven_at"]),
            )
            for one in found
        ),
    )


@dead_letters.command("show", epilog=SHOW_EXAMPLES)
def show(
    context: typer.Context,
    letter: Annotated[str, typer.Argument(metavar="ID", help="The letter's id, such as 0.17.")],
    content: Annotated[
        bool,
        typer.Option(
            "--content",
            help="Also show the parked record, which may hold a message; the server's log says "
            "who looked.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show one dead letter with the way of its message."""
    found = run(_show(invocation(context), letter, content=content))
    if as_json:
        print_json(found)
        return
    print_table(("what", "value"), _facts(found))
    if found["trace"]:
        print_table(
            ("time", "what", "channel", "detail"),
            (
                (moment(hop["at"], seconds=True), hop["what"], hop["channel"] or "", hop["detail"])
                for hop in found["trace"]["hops"]
            ),
        )


@dead_letters.command("redrive", epilog=REDRIVE_EXAMPLES)
def redrive(
    context: typer.Context,
    letters: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of letters.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All that were not tried again and that fit the filters.")
    ] = False,
    stream: Stream = None,
    code: Code = None,
    conversation: Conversation = None,
    since: Since = None,
    as_json: Json = False,
) -> None:
    """Try dead letters again; what was tried again already stays as it is."""
    which = _filter(stream, code, conversation, since)
    with reporting():
        if every is bool(letters):
            raise CommandFailed("give the ids of letters, or --all", code=USAGE)
        if which and not every:
            raise CommandFailed("filters go with --all", code=USAGE)
    done = run(_redrive(invocation(context), letters or [], which))
    refused = [one for one in done if one["result"] == "refused"]
    if as_json:
        print_json(done)
    else:
        for one in done:
            if one["result"] == "before":
                say(f"{one['id']} was tried again at {moment(one['redriven_at'])} already.")
        count = sum(one["result"] == "redriven" for one in done)
        say(f"Tried {count} {'letter' if count == 1 else 'letters'} again.")
    for one in refused:
        say(f"chat4all: {one['id']}: {one['detail']}", stderr=True)
    if refused:
        raise typer.Exit(1)


def _filter(
    stream: str | None, code: str | None, conversation: str | None, since: str | None
) -> dict[str, str]:
    given = {"stream": stream, "code": code, "conversation_id": conversation, "since": since}
    return {name: value for name, value in given.items() if value is not None}


def _facts(found: dict[str, Any]) -> list[tuple[str, str | Text]]:
    facts: list[tuple[str, str | Text]] = [
        ("id", found["id"]),
        ("stream", found["stream"]),
        ("kind", found["kind"] or "unreadable"),
        ("code", Text(found["code"], style="red")),
        ("reason", found["reason"]),
        ("attempts", str(found["attempts"])),
        ("parked", moment(found["parked_at"], seconds=True)),
        ("redriven", moment(found["redriven_at"], seconds=True) or "no"),
        *found["ids"].items(),
    ]
    if found["platform_error"]:
        facts += [(f"platform: {key}", str(one)) for key, one in found["platform_error"].items()]
    if found["content"] is not None:
        facts.append(("content", found["content"]))
    return facts


async def _list(where: Invocation, which: dict[str, str]) -> list[Any]:
    async with as_operator(where) as api:
        return [one async for one in api.items(LETTERS, **which)]


async def _show(where: Invocation, letter: str, *, content: bool) -> Any:
    async with as_operator(where) as api:
        return await api.get(f"{LETTERS}/{letter}", content="true" if content else "false")


async def _redrive(where: Invocation, letters: list[str], which: dict[str, str]) -> list[Any]:
    """Redrive `letters`, or when there are none what fits; letters parked meanwhile wait."""
    async with as_operator(where) as api:
        ids = letters or [one["id"] async for one in api.items(LETTERS, redriven="false", **which)]
        done: list[Any] = []
        for start in range(0, len(ids), PAGE):
            body = {"ids": ids[start : start + PAGE]}
            done += (await api.post(f"{LETTERS}/redrive", body))["items"]
        return done
