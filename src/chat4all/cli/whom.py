"""Finds the person or the conversation that somebody means by a word."""

from __future__ import annotations

import re
from typing import Any

from chat4all.cli.api import Api
from chat4all.cli.failure import CommandFailed

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class NotFound(CommandFailed):
    """Nothing is called so."""


def is_id(text: str) -> bool:
    """Say whether `text` is an id and no name."""
    return _UUID.fullmatch(text) is not None


async def find_person(api: Api, name: str) -> str:
    """Return the id of the one user or contact called `name`. Raises `CommandFailed`."""
    if is_id(name):
        return name
    wanted = name.casefold()
    users = [one async for one in api.items("/v1/users", query=name)]
    for user in users:
        if user.get("username", "").casefold() == wanted:
            return str(user["id"])
    contacts = [one async for one in api.items("/v1/contacts", query=name)]
    found = [one for one in contacts if one["display_name"].casefold() == wanted]
    if len(found) == 1:
        return str(found[0]["id"])
    if found:
        ids = ", ".join(one["id"] for one in found)
        raise CommandFailed(f"you have several contacts called {name}; give one's id: {ids}")
    similar = sorted({one["display_name"] for one in contacts})
    hint = f"; did you mean {', '.join(similar[:5])}?" if similar else ""
    raise NotFound(f"there is no user or contact called {name}{hint}")


async def private_conversation(api: Api, person: str) -> str:
    """Return the id of the private conversation with `person`, made when there is none."""
    made = await api.post("/v1/conversations", {"type": "private", "member_ids": [person]})
    return str(made["id"])


async def find_conversation(api: Api, name: str) -> dict[str, Any]:
    """Return the conversation of this id, group name or other person's name."""
    if is_id(name):
        try:
            found: dict[str, Any] = await api.get(f"/v1/conversations/{name}")
        except CommandFailed as error:
            raise NotFound(str(error)) from error
        return found
    wanted = name.casefold()
    me = (await api.get("/v1/users/me"))["id"]
    matching = [
        one
        async for one in api.items("/v1/conversations", archived="true")
        if title(one, me).casefold() == wanted
    ]
    if len(matching) == 1:
        return dict(matching[0])
    if matching:
        ids = ", ".join(one["id"] for one in matching)
        raise CommandFailed(f"several conversations are called {name}; give one's id: {ids}")
    raise NotFound(f"you have no conversation called {name}")


async def find_place(api: Api, name: str) -> str:
    """Return the id of the conversation called `name`, else of the one with this person."""
    try:
        return str((await find_conversation(api, name))["id"])
    except NotFound:
        pass
    try:
        who = await find_person(api, name)
    except NotFound as error:
        raise NotFound(f"there is no conversation, user or contact called {name}") from error
    return await private_conversation(api, who)


def title(conversation: dict[str, Any], me: str) -> str:
    """Return how somebody calls a conversation: by its name, or by the others in it."""
    if conversation["name"]:
        return str(conversation["name"])
    others = [one["display_name"] for one in conversation["members"] if one["user_id"] != me]
    return ", ".join(others)


def names_in(conversation: dict[str, Any]) -> dict[str, str]:
    """Return the members' names by id."""
    return {one["user_id"]: one["display_name"] for one in conversation["members"]}
