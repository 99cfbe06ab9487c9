"""API keys over the WebSocket: who may listen, who may send, and when that ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.adapters.memory.event_log import MemoryEventLog
from chat4all.domain.api_keys import Delegation, Scope
from chat4all.domain.directory import UserKind
from chat4all.domain.ids import KeyId
from chat4all.gateway.ws import endpoint
from chat4all.gateway.ws.closing import Close
from chat4all.ports.access_tokens import Principal
from chat4all.services.key_ring import KeyRing
from chat4all.services.service_accounts import MadeKey, ServiceAccounts
from chat4all.testing.faults import Faults, FaultyMemoryStore
from chat4all.testing.pipeline import Pipeline, add_conversation, add_person
from chat4all.testing.screen import NamesAsTokens, websocket_of
from tests.gateway.test_api_keys import BEHALF


class Socket:
    """A connection, and what came over it."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.frames: list[dict[str, Any]] = []
        self.closed: int | None = None
        self._news = asyncio.Event()

    async def take(self, event: dict[str, Any]) -> None:
        if event["type"] == "websocket.send":
            self.frames.append(json.loads(event["text"]))
        if event["type"] == "websocket.close":
            self.closed = event["code"]
        self._news.set()

    def say(self, **frame: Any) -> None:
        self.incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})

    async def until(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while self.closed is None:
                for frame in self.frames:
                    if frame["type"] == kind:
                        return frame
                self._news.clear()
                await self._news.wait()
        raise AssertionError(f"closed with {self.closed}")


class Talk:
    """Ana, her program and the conversation that both are in."""

    def __init__(self, process: Pipeline) -> None:
        self.process = process
        tokens = self.tokens = NamesAsTokens()
        self.endpoint = websocket_of(process, tokens)
        tokens.watchers.append(self.endpoint.look_again)
        directory = process.directory
        ring = KeyRing(directory.api_keys, directory.users, tokens)
        self.accounts = ServiceAccounts(
            directory.users, directory.api_keys, ring, most_per_minute=6_000
        )

    async def begin(self) -> None:
        directory = self.process.directory
        ana = await add_person(directory, "ana")
        self.ana = Principal(
            user_id=ana,
            kind=UserKind.PERSON,
            admin=False,
            token_id="",
            family="",
            expires_at=datetime.now(UTC),
        )
        bot = await self.accounts.create(ana, username="bot", display_name="Bot")
        self.bot = bot.id
        self.talk = await add_conversation(directory, ana, self.bot)

    async def key(self, *scopes: Scope) -> MadeKey:
        return await self.accounts.create_key(self.ana, self.bot, name="key", scopes=scopes)

    async def end(self, key: KeyId) -> None:
        await self.accounts.revoke_key(self.ana, self.bot, key)

    @asynccontextmanager
    async def socket(
        self, key: str, headers: Mapping[str, str] | None = None, *more: str
    ) -> AsyncIterator[Socket]:
        socket = Socket()
        scope = {
            "subprotocols": ["chat4all.v1", f"bearer.{key}", *more],
            "headers": [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()],
        }
        task = asyncio.create_task(self.endpoint(scope, socket.incoming.get, socket.take))
        try:
            yield socket
        finally:
            socket.incoming.put_nowait({"type": "websocket.disconnect"})
            await task


@asynccontextmanager
async def a_talk() -> AsyncIterator[Talk]:
    store = FaultyMemoryStore(Faults())
    async with Pipeline(MemoryEventLog(), store, MemoryDirectory()) as process:
        talk = Talk(process)
        await talk.begin()
        yield talk


def saying(talk: Talk, words: str) -> dict[str, Any]:
    payload = {"type": "text", "text": words}
    message = {"conversation_id": talk.talk, "payload": payload}
    return {"type": "send", "request_id": words, "message": message}


async def test_a_key_listens_and_sends_as_its_scopes_say() -> None:
    async with a_talk() as talk:
        async with talk.socket((await talk.key(Scope.READ)).text) as socket:
            assert (await socket.until("ready"))["user_id"] == talk.bot
            socket.say(**saying(talk, "hello"))
            assert (await socket.until("error"))["code"] == "insufficient_scope"
        async with talk.socket((await talk.key(Scope.READ, Scope.SEND)).text) as socket:
            await socket.until("ready")
            socket.say(**saying(talk, "hello"))
            assert (await socket.until("message"))["message"]["from"] == talk.bot
        async with talk.socket((await talk.key(Scope.SEND)).text) as socket:
            await ended(socket, Close.NOT_PERMITTED)


async def test_who_only_listens_is_sent_away_at_once_when_the_key_is_revoked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoint, "KEEP_SECONDS", 3600)  # nor does it look by itself
    async with a_talk() as talk:
        key = await talk.key(Scope.READ, Scope.SEND)
        async with talk.socket(key.text) as socket:
            await socket.until("ready")
            await talk.end(key.key.id)
            await ended(socket, Close.UNAUTHENTICATED)


async def test_a_revoked_key_says_nothing_more() -> None:
    async with a_talk() as talk:
        talk.tokens.watchers.clear()  # the news of it is late
        key = await talk.key(Scope.READ, Scope.SEND)
        async with talk.socket(key.text) as socket:
            await socket.until("ready")
            await talk.end(key.key.id)
            socket.say(**saying(talk, "too late"))
            await ended(socket, Close.UNAUTHENTICATED)
        assert not [one for one in socket.frames if one["type"] == "accepted"]


async def test_a_program_that_acts_is_sent_away_when_it_may_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoint, "KEEP_SECONDS", 0.01)
    async with a_talk() as talk:
        delegations, ana = talk.process.directory.delegations, talk.ana.user_id
        key = (await talk.key(Scope.READ, Scope.SEND, Scope.ACT)).text
        async with talk.socket(key, {BEHALF: ana}) as socket:
            await ended(socket, Close.NOT_PERMITTED)
        await delegations.allow(
            Delegation(user_id=ana, account_id=talk.bot, created_at=datetime.now(UTC))
        )
        async with talk.socket(key, {BEHALF: ana}) as socket:
            assert (await socket.until("ready"))["user_id"] == ana
            socket.say(**saying(talk, "for you"))
            assert (await socket.until("message"))["message"]["from"] == ana
            await delegations.withdraw(ana, talk.bot)
            await ended(socket, Close.NOT_PERMITTED)
        acts = await delegations.acts(user=ana, limit=10)
        assert [one.what for one in acts] == ["websocket send", "websocket"]


async def test_who_cannot_set_headers_says_as_whom_by_a_subprotocol() -> None:
    async with a_talk() as talk:
        ana = talk.ana.user_id
        key = (await talk.key(Scope.READ, Scope.ACT)).text
        async with talk.socket(key, None, f"on-behalf-of.{ana}") as socket:
            await ended(socket, Close.NOT_PERMITTED)
        async with talk.socket(key, None, "on-behalf-of.ana") as socket:
            await ended(socket, Close.NOT_PERMITTED)
        await talk.process.directory.delegations.allow(
            Delegation(user_id=ana, account_id=talk.bot, created_at=datetime.now(UTC))
        )
        async with talk.socket(key, None, f"on-behalf-of.{ana.upper()}") as socket:
            assert (await socket.until("ready"))["user_id"] == ana


async def ended(socket: Socket, code: int) -> None:
    async with asyncio.timeout(30):
        while socket.closed is None:  # noqa: ASYNC110 - a value that the endpoint sets
            await asyncio.sleep(0.001)
    assert socket.closed == code
