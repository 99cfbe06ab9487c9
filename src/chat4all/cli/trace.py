"""`chat4all trace`: the whole way of one message."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.text import Text

from chat4all.cli.api import Api
from chat4all.cli.connection import as_operator
from chat4all.cli.contacts import Json
from chat4all.cli.failure import USAGE, CommandFailed, reporting, run
from chat4all.cli.invocation import Invocation, invocation
from chat4all.cli.terminal import moment, print_json, print_table, say
from chat4all.cli.whom import is_id

STYLES = {
    "failed": "red",
    "read": "blue",
    "delivered": "green",
    "deleted": "yellow",
    "tried": "yellow",
}

EXAMPLES = """Example:

\b
  chat4all trace 01980f1d-9f00-7e21-b3c4-d5e6f708192a
"""


def trace(
    context: typer.Context,
    message_id: Annotated[str, typer.Argument(help="The message's id.")],
    as_json: Json = False,
) -> None:
    """Tell what befell a message.

    Every hop with its time, and how long it took after what it follows from: log, store,
    the channel that was chosen and why, each try and the platform's answer, edits, reads.
    It never shows what the message says.
    """
    with reporting():
        if not is_id(message_id):
            raise CommandFailed(f"{message_id} is no message id (a UUID)", code=USAGE)
    found, names = run(_trace(invocation(context), message_id))
    if as_json:
        print_json(found)
        return
    say(f"message {found['message_id']}, number {found['seq']} of {found['conversation_id']}")
    print_table(
        ("time", "after", "what", "channel", "who", "detail"),
        (
            (
                moment(hop["at"], seconds=True),
                _duration(hop["after_seconds"]),
                Text(hop["what"], style=STYLES.get(hop["what"], "")),
                hop["channel"] or "",
                names.get(hop["user_id"] or "", hop["user_id"] or ""),
                hop["detail"],
            )
            for hop in found["hops"]
        ),
    )


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))  # noqa: PLR2004


async def _trace(where: Invocation, message_id: str) -> tuple[dict[str, Any], dict[str, str]]:
    async with as_operator(where) as api:
        found = await api.get(f"/v1/messages/{message_id}/trace")
        users = {hop["user_id"] for hop in found["hops"] if hop["user_id"]}
        return found, {user: await _name(api, user) for user in users}


async def _name(api: Api, user: str) -> str:
    try:
        return str((await api.get(f"/v1/users/{user}"))["display_name"])
    except CommandFailed:  # somebody's contact, whom an operator does not see
        return user
