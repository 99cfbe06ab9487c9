"""`chat4all send` and `chat4all history`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from rich.text import Text

from chat4all.cli.connection import Credentials, as_person, person
from chat4all.cli.contacts import Json, Username
from chat4all.cli.failure import FAILED, USAGE, CommandFailed, reporting, run
from chat4all.cli.invocation import Invocation, invocation
from chat4all.cli.terminal import clean, console, moment, print_json, say
from chat4all.cli.whom import find_conversation, find_person, names_in, private_conversation
from chat4all.domain.ids import new_id
from chat4all.domain.messages import IMPORTED

WAIT_SECONDS = 10
MOST_PER_PAGE = 200
TICKS = {
    "accepted": Text("…", style="dim"),
    "sent": Text("✓", style="dim"),
    "delivered": Text("✓✓", style="dim"),
    "read": Text("✓✓", style="blue"),
    "failed": Text("✗", style="red"),
}

SEND_EXAMPLES = """Examples:

\b
  chat4all send "Lunch at noon?" --to bia --username ana
  chat4all send "Lunch at noon?" --conversation 0198... --wait
  date | chat4all send - --to "Bia Souza" --json
  chat4all send --to "Bia Souza" --template reminder --language pt_BR --parameter Bia
"""
HISTORY_EXAMPLES = """Examples:

\b
  chat4all history bia --username ana
  chat4all history 0198... --after-seq 100 --limit 20 --json
"""


def send(
    context: typer.Context,
    *,
    text: Annotated[str | None, typer.Argument(help="What to say; - reads standard input.")] = None,
    template: Annotated[
        str | None, typer.Option(help="Name of an approved template to send instead of a text.")
    ] = None,
    language: Annotated[str, typer.Option(help="Language of the template.")] = "en",
    parameter: Annotated[
        list[str] | None, typer.Option(help="Word for the template's next place; may be repeated.")
    ] = None,
    conversation: Annotated[
        str | None, typer.Option(help="Id of the conversation, or its name.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="Username or contact name: a private conversation.")
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(help="Channel to go by, in order of preference; may be repeated."),
    ] = None,
    message_id: Annotated[
        str | None, typer.Option(help="UUID of your own: repeating the send does no harm.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the message's number in the conversation.")
    ] = False,
    username: Username = None,
    as_json: Json = False,
) -> None:
    """Send a text, or a template.

    Prints the message's id once the server has it for good; with --wait its number too.
    """
    with reporting():
        if (conversation is None) == (to is None):
            raise CommandFailed("say where to: --to NAME or --conversation ID", code=USAGE)
        payload = _payload(text, template, language, parameter or [])
        who = person(username)
    body: dict[str, Any] = {
        "message_id": message_id or new_id(),
        "payload": payload,
        "channels": channel or None,
    }
    sent = run(_send(invocation(context), who, body, conversation, to, wait=wait))
    if as_json:
        print_json(sent)
    else:
        place = f" seq {sent['seq']}" if "seq" in sent else ""
        say(f"{sent['message_id']}{place}")
    if wait and "seq" not in sent:
        say(f"chat4all: accepted, and not stored within {WAIT_SECONDS} seconds", stderr=True)
        raise typer.Exit(FAILED)


def _payload(
    text: str | None, template: str | None, language: str, parameters: list[str]
) -> dict[str, Any]:
    if (text is None) == (template is None):
        raise CommandFailed("say what: a text, or --template NAME", code=USAGE)
    if template is None:
        words = sys.stdin.read().rstrip("\n") if text == "-" else text
        return {"type": "text", "text": words}
    named = {"type": "template", "name": template, "language": language}
    return {**named, "parameters": parameters}


def history(
    context: typer.Context,
    conversation: Annotated[
        str, typer.Argument(help="Id of the conversation, or its name, or the other's name.")
    ],
    after_seq: Annotated[
        int | None, typer.Option(min=0, help="Only messages after this number.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many; the last ones.")] = 50,
    username: Username = None,
    as_json: Json = False,
) -> None:
    """Show what was said.

    Number, time, who, what, and how far each came: … accepted, ✓ sent, ✓✓ delivered
    (blue: read), ✗ failed.
    """
    with reporting():
        who = person(username)
    found, messages = run(_history(invocation(context), who, conversation, after_seq, limit))
    if as_json:
        print_json(messages)
        return
    out, names = console(), names_in(found)
    for one in messages:
        out.print(line_of(one, names), soft_wrap=True)
    if not messages:
        say("There are no messages here.", stderr=True)


def line_of(message: dict[str, Any], names: dict[str, str]) -> Text:
    """Return a message as people read it."""
    name = names.get(message["from"]) or message["from"][:8]
    imported = message["channel"] == IMPORTED  # how far it came, only the old program knew
    line = Text.assemble(
        (f"{message['seq']:>5}  ", "dim"),
        (f"{moment(message['created_at'])}  ", "dim"),
        (clean(name), "bold"),
        ": ",
        clean(words_of(message["payload"])),
        " ",
        "" if imported else TICKS.get(message["status"], Text(message["status"])),
    )
    if message["edited_at"] and not message["deleted_at"]:
        line.append("  (edited)", style="dim")
    for reaction in message["reactions"]:
        line.append(f"  {clean(reaction['emoji'])}{len(reaction['user_ids'])}")
    return line


def words_of(payload: dict[str, Any] | None) -> str:
    """Return what a payload says, on one line or more."""
    if payload is None:
        return "(deleted)"
    kind = payload["type"]
    if kind in {"text", "template"}:
        return str(payload["text"])
    if kind == "location":
        place = f"{payload['latitude']}, {payload['longitude']}"
        return f"[location] {payload.get('name') or ''} {place}".replace("  ", " ")
    if kind == "contact":
        parts = (payload["name"], payload.get("phone"), payload.get("email"))
        return "[contact] " + " ".join(part for part in parts if part)
    words = (f"[{kind}]", payload.get("caption"), payload.get("file_id"))
    return " ".join(one for one in words if one)


async def _send(
    where: Invocation,
    who: Credentials,
    body: dict[str, Any],
    conversation: str | None,
    to: str | None,
    *,
    wait: bool,
) -> dict[str, Any]:
    async with as_person(where, who) as api:
        if to is not None:
            place = await private_conversation(api, await find_person(api, to))
        else:
            place = (await find_conversation(api, conversation or ""))["id"]
        headers = {"Prefer": f"wait={WAIT_SECONDS}"} if wait else {}
        sent: dict[str, Any] = await api.post(
            "/v1/messages", {**body, "conversation_id": place}, **headers
        )
        return sent


async def _history(
    where: Invocation, who: Credentials, name: str, after_seq: int | None, limit: int
) -> tuple[dict[str, Any], list[Any]]:
    async with as_person(where, who) as api:
        found = await find_conversation(api, name)
        path = f"/v1/conversations/{found['id']}/messages"
        messages: list[Any] = []
        while len(messages) < limit:
            many = min(limit - len(messages), MOST_PER_PAGE)
            if after_seq is not None:
                last = messages[-1]["seq"] if messages else after_seq
                page = (await api.get(path, after_seq=last, limit=many))["items"]
                messages = [*messages, *page]
            else:
                first = {"before_seq": messages[0]["seq"]} if messages else {}
                page = (await api.get(path, limit=many, **first))["items"]
                messages = [*page, *messages]
            if len(page) < many:
                break
        return found, messages
