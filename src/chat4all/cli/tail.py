"""`chat4all tail`: what happens, as it happens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

import typer
from rich.text import Text

from chat4all.cli.api import Api
from chat4all.cli.connection import Credentials, as_person_of_server, person
from chat4all.cli.contacts import Username
from chat4all.cli.failure import CommandFailed, reporting, run
from chat4all.cli.invocation import Invocation, invocation
from chat4all.cli.messages import line_of, words_of
from chat4all.cli.terminal import clean, print_json_line, say
from chat4all.cli.whom import find_conversation, names_in, title
from chat4all.client.live import Live

EXAMPLES = """Examples:

\b
  chat4all tail --username ana
  chat4all tail --conversation "Hiking club" --json | jq .message.payload
"""


def tail(
    context: typer.Context,
    conversation: Annotated[
        str | None, typer.Option(help="Only this conversation: its id or name.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="End after so many events, rather than at Ctrl-C.")
    ] = None,
    username: Username = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON each.")] = False,
) -> None:
    """Print what happens, as it comes.

    A lost connection is taken up again, and nothing is missed or repeated meanwhile. Takes a
    server that runs.
    """
    with reporting():
        who = person(username)
    run(_tail(invocation(context), who, conversation, count, as_json=as_json))


async def _tail(
    where: Invocation, who: Credentials, name: str | None, count: int | None, *, as_json: bool
) -> None:
    async with as_person_of_server(where, who) as api:
        only = None if name is None else (await find_conversation(api, name))["id"]
        printer = _Printer(api)
        seen = 0
        async for frame in _frames(api):
            if only is not None and _place(frame) != only:
                continue
            if as_json:
                print_json_line(frame)
            else:
                say(await printer.line(frame))
            seen += 1
            if seen == count:
                return


async def _frames(api: Api) -> AsyncIterator[dict[str, Any]]:
    """Yield the server's events, each once, over as many connections as it takes."""
    await api.token()
    live = Live(
        api,
        connected=lambda: say(f"Connected to {api.address}.", stderr=True),
        lost=lambda wait: say(
            f"The connection was lost; trying again in {wait:.1f} s.", stderr=True
        ),
    )
    async with aclosing(live.frames()) as frames:
        async for frame in frames:
            yield json.loads(frame.text)


def _place(frame: dict[str, Any]) -> str | None:
    message = frame.get("message") or {}
    found: str | None = frame.get("conversation_id") or message.get("conversation_id")
    return found


class _Printer:
    """Knows the names in the conversations that it has met."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._me: str | None = None
        self._met: dict[str, tuple[str, dict[str, str]]] = {}
        self._people: dict[str, str] = {}

    async def line(self, frame: dict[str, Any]) -> Text:
        """Return a frame as people read it."""
        place = _place(frame)
        if frame["type"] == "conversation":
            self._met.pop(place or "", None)
        where, names = await self._names(place) if place else ("", {})
        who = frame.get("user_id")
        if who and who not in names:
            names = {**names, who: await self._person(who)}
        if frame["type"] == "message":
            return Text.assemble((clean(f"{where}  "), "cyan"), line_of(frame["message"], names))
        return Text.assemble((clean(f"{where}  "), "cyan"), (clean(_told(frame, names)), "dim"))

    async def _person(self, user: str) -> str:
        if user not in self._people:
            try:
                found = await self._api.get(f"/v1/users/{user}")
            except CommandFailed:  # somebody else's contact
                return user[:8]
            self._people[user] = str(found["display_name"])
        return self._people[user]

    async def _names(self, place: str) -> tuple[str, dict[str, str]]:
        if place not in self._met:
            if self._me is None:
                self._me = str((await self._api.get("/v1/users/me"))["id"])
            try:
                found = await self._api.get(f"/v1/conversations/{place}")
            except CommandFailed:  # deleted, or no longer one's own
                return place[:8], {}
            self._met[place] = (title(found, self._me), names_in(found))
        return self._met[place]


def _told(frame: dict[str, Any], names: dict[str, str]) -> str:
    who = names.get(frame.get("user_id") or "", "")
    message = (frame.get("message_id") or "")[:8]
    told: str
    match frame["type"]:
        case "status":
            error = f" {frame['error']['code']}" if frame.get("error") else ""
            told = f"message {message} {frame['status']} {who} by {frame['channel']}{error}"
        case "edited":
            told = f"edited: {words_of(frame['message']['payload'])}"
        case "deleted":
            told = f"message {message} was deleted"
        case "reaction":
            told = f"{who} {'took back' if frame['removed'] else 'gave'} {frame['emoji']}"
        case "typing":
            told = f"{who} is writing"
        case "presence":
            told = f"{who} is {frame.get('status')}"
        case "conversation":
            told = f"conversation {frame['change']} {who}".rstrip()
        case other:
            told = str(other)
    return told
