"""What people did before a move, and what has to be the same after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.account import PASSWORD, Account
from tests.e2e.sender import sender

PATIENCE = 60.0
HIDDEN = 7
"""The place of the message that Bia hid from herself."""
BYTES = b"what was moved " * 5_000
PHONE = "mock/phones/+5511999990001"
CONTACT = {
    "display_name": "Caio",
    "channels": [{"platform": "mock", "external_id": "+5511999990001"}],
}


@dataclass(slots=True)
class Talk:
    """The people of one installation, and what each of them saw."""

    chat: str = ""
    team: str = ""
    file_id: str = ""
    aside: str = ""
    waiting: str = ""
    messages: list[str] = field(default_factory=list)
    cursor: str = ""
    late: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)


async def begin(url: str) -> Talk:
    """Have people do a bit of everything; return what they see, once it is stored."""
    talk = Talk()
    async with (
        Account(url, "ana").signed_up("Ana") as ana,
        Account(url, "bia").signed_up("Bia") as bia,
    ):
        talk.chat = await ana.chat_with(bia)
        caio = await ana.post("contacts", CONTACT)
        members = [bia.user_id, caio["id"]]
        group = {"type": "group", "name": "equipe", "member_ids": members, "metadata": {"n": 1.5}}
        talk.team = (await ana.post("conversations", group))["id"]
        await ana.patch(f"conversations/{talk.team}/members/{bia.user_id}", {"role": "admin"})
        talk.messages = await ana.say(talk.chat, [f"olá {n}" for n in range(300)])
        talk.cursor = (await bia.get("sync"))["next"]
        talk.messages += await bia.say(talk.chat, [f"oi {n} \u00e7\U0001f600" for n in range(300)])
        to_caio = await ana.say(talk.team, ["to everybody"])
        await ana.patch(
            f"messages/{talk.messages[3]}", {"payload": {"type": "text", "text": "olá, enfim"}}
        )
        async with sender(url, ana) as of_ana, sender(url, bia) as of_bia:
            for call in (
                of_bia.http.put(f"/v1/messages/{talk.messages[4]}/reactions/%F0%9F%91%8D"),
                of_ana.http.delete(f"/v1/messages/{talk.messages[5]}?for=everyone"),
                of_bia.http.delete(f"/v1/messages/{talk.messages[6]}?for=me"),
            ):
                (await call).raise_for_status()
            talk.file_id = await of_ana.upload(talk.chat, BYTES)
        shown = {"type": "document", "file_id": talk.file_id}
        await ana.post("messages", {"conversation_id": talk.chat, "payload": shown})
        await bia.history(talk.chat, 600)
        await bia.post(f"conversations/{talk.chat}/read", {"up_to_seq": 250})
        await _until_sent(ana, to_caio[0])
        await ana.history(talk.chat, 601)
        aside = {"type": "private", "member_ids": [caio["id"]]}
        talk.aside = (await ana.post("conversations", aside))["id"]
        await ana.patch(PHONE, {"fail": "temporary"})
        talk.waiting = (await ana.say(talk.aside, ["while the phone is away"]))[0]
        await ana.history(talk.aside, 1)
        talk.late = (await bia.get("sync"))["next"]
        talk.tokens = {one.username: await session(url, one) for one in (ana, bia)}
        talk.seen = {one.username: await what_is_seen(one, talk) for one in (ana, bia)}
    return talk


@asynccontextmanager
async def again(url: str) -> AsyncIterator[tuple[Account, Account]]:
    """Have both sign in with the password they had."""
    async with (
        Account(url, "ana").signed_in() as ana,
        Account(url, "bia").signed_in() as bia,
    ):
        for one in (ana, bia):
            one.user_id = (await one.get("users/me"))["id"]
        yield ana, bia


async def must_be_the_same(url: str, talk: Talk, ana: Account, bia: Account) -> None:
    """See what was seen before, and the file's bytes; who was signed in still is."""
    for one in (ana, bia):
        assert await what_is_seen(one, talk) == talk.seen[one.username]
        await go_on(url, one, talk.tokens[one.username])
    async with sender(url, bia) as files:
        assert (await files.http.get(f"/v1/files/{talk.file_id}/content")).content == BYTES


async def must_be_delivered(talk: Talk, ana: Account) -> None:
    """Find that what waited for a phone comes there."""
    await ana.patch(PHONE, {"fail": None})
    await _until_sent(ana, talk.waiting)


async def session(url: str, person: Account) -> str:
    """Sign in elsewhere, and return what that session goes on with."""
    form = {"grant_type": "password", "username": person.username, "password": PASSWORD}
    async with sender(url, person) as client:
        answer = (await client.http.post("/v1/auth/token", data=form)).raise_for_status()
    token: str = answer.json()["refresh_token"]
    return token


async def go_on(url: str, person: Account, refresh_token: str) -> None:
    """Go on with a session from before the move."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    async with sender(url, person) as client:
        (await client.http.post("/v1/auth/token", data=form)).raise_for_status()


async def must_go_on(talk: Talk, ana: Account, bia: Account) -> None:
    """Find that numbers and cursors go on where they stood, and nothing is told twice."""
    assert await missed(bia, talk.late) == []
    sent = await ana.say(talk.chat, ["after the move"])
    history = await bia.history(talk.chat, 601)
    assert history[-1]["message_id"] == sent[0]
    assert [one["seq"] for one in history] == [n for n in range(1, 603) if n != HIDDEN]
    news = await missed(bia, talk.late)
    assert [one["message"]["message_id"] for one in news if one["type"] == "message"] == sent
    old = [one["message"] for one in await missed(bia, talk.cursor) if one["type"] == "message"]
    assert len(old) == len({one["message_id"] for one in old})
    here = [one["seq"] for one in old if one["conversation_id"] == talk.chat]
    assert here == sorted(here)
    assert set(here) >= set(range(301, 603))


async def missed(person: Account, cursor: str) -> list[dict[str, Any]]:
    """Return all that happened for somebody since `cursor`."""
    found: list[dict[str, Any]] = []
    while True:
        page = await person.get("sync", cursor=cursor)
        found += page["items"]
        cursor = page["next"]
        if not page["more"]:
            return found


async def what_is_seen(person: Account, talk: Talk) -> dict[str, Any]:
    """Return all that the API shows somebody."""
    conversations = await person.get("conversations")
    return {
        "me": await person.get("users/me"),
        "contacts": await person.get("contacts"),
        "conversations": [one for one in conversations["items"] if one["id"] != talk.aside],
        "chat": await person.history(talk.chat, 600),
        "team": await person.history(talk.team, 1),
        "statuses": await person.get(f"messages/{talk.messages[0]}/status"),
        "file": await person.get(f"files/{talk.file_id}"),
    }


async def _until_sent(person: Account, message: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            told = await person.get(f"messages/{message}/status")
            if any(
                one.get("channel") == "mock" and one["status"] in {"sent", "delivered", "read"}
                for one in told["recipients"]
            ):
                return
            await asyncio.sleep(0.1)
