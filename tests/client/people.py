"""People with accounts, and what a test does with their clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Self

import httpx

from chat4all.client import Client, Event, Message, MessageAdded

PASSWORD = "correct horse battery"


async def register(url: str, *usernames: str) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60.0) as http:
        for username in usernames:
            person = {"username": username, "password": PASSWORD}
            (await http.post("/v1/auth/register", json=person)).raise_for_status()


@asynccontextmanager
async def two_people(url: str, one: str, other: str) -> AsyncIterator[tuple[Client, Client, str]]:
    """Sign two newcomers up and in; give their clients and their conversation."""
    await register(url, one, other)
    async with AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(Client.sign_in(url, name, PASSWORD))
            for name in (one, other)
        ]
        talk = await first.private_chat(second.user.id)
        yield first, second, talk.id


async def events_until(
    client: Client, cursor: str | None, enough: Callable[[Event], bool]
) -> list[Event]:
    """Return what happens up to the event that is enough."""
    seen: list[Event] = []
    async with aclosing(client.events(cursor)) as events:
        async for event in events:
            seen.append(event)
            if enough(event):
                break
    return seen


async def history(client: Client, talk: str, count: int) -> list[Message]:
    """Return a conversation once it has so many messages."""
    async with asyncio.timeout(60):
        while True:
            found = [one async for one in client.history(talk)]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


class Listener:
    """Follows somebody's events in the background."""

    def __init__(self, client: Client, cursor: str) -> None:
        self.told: list[Event] = []
        self._client = client
        self._cursor = cursor
        self._came = asyncio.Condition()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Self]:
        task = asyncio.create_task(self._listen())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def messages(self) -> list[Message]:
        return [one.message for one in self.told if isinstance(one, MessageAdded)]

    async def until(self, count: int) -> list[Message]:
        """Return the messages once so many were told."""
        async with asyncio.timeout(120), self._came:
            await self._came.wait_for(lambda: len(self.messages) >= count)
        return self.messages

    async def _listen(self) -> None:
        async with aclosing(self._client.events(self._cursor)) as events:
            async for event in events:
                async with self._came:
                    self.told.append(event)
                    self._came.notify_all()


class LossyTransport(httpx.AsyncBaseTransport):
    """Does what is asked, and loses the answer; or refuses in the server's stead."""

    def __init__(self, real: httpx.AsyncBaseTransport) -> None:
        self.lose = 0
        self.refuse: list[httpx.Response] = []
        self.asked: list[httpx.Request] = []
        self._real = real

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.refuse:
            return self.refuse.pop()
        answer = await self._real.handle_async_request(request)
        if self.lose:
            self.lose -= 1
            await answer.aread()
            await answer.aclose()
            raise httpx.ReadError("the connection broke", request=request)
        return answer

    async def aclose(self) -> None:
        await self._real.aclose()


def make_lossy(client: Client) -> LossyTransport:
    """Put a transport that loses answers between a client and its server."""
    http = client._connection._http
    lossy = LossyTransport(http._transport)
    http._transport = lossy
    return lossy
