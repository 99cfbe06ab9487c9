"""`chat4all scheduled`: messages that are to be sent later."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chat4all.cli.connection import Credentials, as_person, person
from chat4all.cli.contacts import Json, Username
from chat4all.cli.failure import USAGE, CommandFailed, reporting, run
from chat4all.cli.invocation import Invocation, invocation
from chat4all.cli.messages import words_of
from chat4all.cli.terminal import moment, print_json, print_table, say
from chat4all.cli.whom import find_conversation, find_person, private_conversation
from chat4all.domain.errors import InvalidInput
from chat4all.domain.ids import new_id
from chat4all.domain.local_time import moment_of

scheduled = typer.Typer(help="Messages that are to be sent later.", no_args_is_help=True)

PATH = "/v1/scheduled-messages"
SEND_EXAMPLES = """Examples:

\b
  chat4all scheduled send "Good morning" --to bia --at 2026-07-01T09:00 --time-zone Europe/Lisbon
  chat4all scheduled send "Now" --conversation "Hiking club" --at 2026-07-01T09:00:00Z
"""
LIST_EXAMPLES = """Examples:

\b
  chat4all scheduled list --username ana
  chat4all scheduled list --all --json
"""
CANCEL_EXAMPLES = """Example:

\b
  chat4all scheduled cancel 0198f3a1-7c6b-7d2e-8f10-3b5a9c4d2e1f --username ana
"""


@scheduled.command("send", epilog=SEND_EXAMPLES)
def send(
    context: typer.Context,
    *,
    text: Annotated[str, typer.Argument(help="What to say.")],
    at: Annotated[
        str, typer.Option(help="When: a time of RFC 3339; without an offset one in --time-zone.")
    ],
    time_zone: Annotated[
        str | None, typer.Option(help="Whose clock is meant, such as Europe/Lisbon.")
    ] = None,
    conversation: Annotated[
        str | None, typer.Option(help="Id of the conversation, or its name.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="Username or contact name: a private conversation.")
    ] = None,
    message_id: Annotated[
        str | None, typer.Option(help="UUID of your own: repeating the command does no harm.")
    ] = None,
    username: Username = None,
    as_json: Json = False,
) -> None:
    """Have a text sent at a time; print its id and the time in UTC."""
    with reporting():
        if (conversation is None) == (to is None):
            raise CommandFailed("say where to: --to NAME or --conversation ID", code=USAGE)
        try:
            moment_of(at, time_zone, "--at", "--time-zone")
        except InvalidInput as error:
            raise CommandFailed(str(error), code=USAGE) from error
        who = person(username)
    body: dict[str, Any] = {
        "message_id": message_id or new_id(),
        "payload": {"type": "text", "text": text},
        "send_at": at,
        "time_zone": time_zone,
    }
    made = run(_send(invocation(context), who, body, conversation, to))
    if as_json:
        print_json(made)
    else:
        say(f"{made['message_id']} {made['send_at']}")


@scheduled.command("list", epilog=LIST_EXAMPLES)
def show(
    context: typer.Context,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what was sent, failed or was cancelled.")
    ] = False,
    username: Username = None,
    as_json: Json = False,
) -> None:
    """List what waits, by its time."""
    with reporting():
        who = person(username)
    found = run(_list(invocation(context), who, everything=everything))
    if as_json:
        print_json(found)
        return
    print_table(
        ["id", "time", "state", "text"],
        [
            [one["message_id"], moment(one["send_at"]), one["state"], _words(one["payload"])]
            for one in found
        ],
    )


@scheduled.command("cancel", epilog=CANCEL_EXAMPLES)
def cancel(
    context: typer.Context,
    message_id: Annotated[str, typer.Argument(help="The id of the message, as `list` shows it.")],
    username: Username = None,
) -> None:
    """Have a message not sent. Fails when it is too late."""
    with reporting():
        who = person(username)
    run(_cancel(invocation(context), who, message_id))
    say(f"cancelled {message_id}")


def _words(payload: dict[str, Any]) -> str:
    """Return what a payload says; a template is filled in when it is sent, so by its name."""
    return words_of({**payload, "text": payload.get("text") or payload.get("name")})


async def _send(
    where: Invocation,
    who: Credentials,
    body: dict[str, Any],
    conversation: str | None,
    to: str | None,
) -> dict[str, Any]:
    async with as_person(where, who) as api:
        if to is not None:
            place = await private_conversation(api, await find_person(api, to))
        else:
            place = (await find_conversation(api, conversation or ""))["id"]
        made: dict[str, Any] = await api.post(PATH, {**body, "conversation_id": place})
        return made


async def _list(where: Invocation, who: Credentials, *, everything: bool) -> list[Any]:
    only = {} if everything else {"state": "scheduled"}
    async with as_person(where, who) as api:
        return [one async for one in api.items(PATH, **only)]


async def _cancel(where: Invocation, who: Credentials, message_id: str) -> None:
    async with as_person(where, who) as api:
        await api.call("DELETE", f"{PATH}/{message_id}")
