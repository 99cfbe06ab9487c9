"""A person's account, used over the API instead of a browser."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

import httpx
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

PASSWORD = "correct horse battery"
PATIENCE = 120.0  # seconds
PAGE = 200
"""The most messages that one page of history holds."""


class Account:
    """Signs up, and makes the calls of a client that is not ours. Bodies are the API's."""

    def __init__(self, url: str, username: str) -> None:
        self.url = url
        self.username = username
        self.user_id = ""
        self.token = ""
        self._http = httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE)
        self.socket_url = url.replace("http", "ws", 1) + "/v1/ws"

    @asynccontextmanager
    async def signed_up(self, name: str) -> AsyncIterator[Self]:
        """Make the account and sign in; the block is the session."""
        person = {"username": self.username, "password": PASSWORD, "display_name": name}
        async with self._http:
            self.user_id = (await self.post("auth/register", person))["id"]
            await self._sign_in()
            yield self

    @asynccontextmanager
    async def signed_in(self) -> AsyncIterator[Self]:
        """Sign in to an account that there is; the block is the session."""
        async with self._http:
            await self._sign_in()
            yield self

    @asynccontextmanager
    async def with_token(self, token: str) -> AsyncIterator[Self]:
        """Use a token that was issued elsewhere; the block is the session."""
        async with self._http:
            self._bear(token)
            yield self

    async def _sign_in(self) -> None:
        form = {"grant_type": "password", "username": self.username, "password": PASSWORD}
        answer = await self._http.post("/v1/auth/token", data=form)
        self._bear(answer.raise_for_status().json()["access_token"])

    def _bear(self, token: str) -> None:
        self.token = token
        self._http.headers["Authorization"] = f"Bearer {token}"

    async def post(self, path: str, body: Any, *, patience: float = PATIENCE) -> Any:
        """POST JSON to `/v1/<path>`; raises for an answer that is an error."""
        answer = await self._http.post(f"/v1/{path}", json=body, timeout=patience)
        return answer.raise_for_status().json()

    async def get(self, path: str, **query: Any) -> Any:
        """GET `/v1/<path>`; raises for an answer that is an error."""
        return (await self._http.get(f"/v1/{path}", params=query)).raise_for_status().json()

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make one call, options as httpx has them; return the answer whatever it is."""
        return await self._http.request(method, path, **options)

    async def text(self, path: str) -> str:
        """GET a page that is not JSON; raises for an answer that is an error."""
        return (await self._http.get(path)).raise_for_status().text

    async def patch(self, path: str, body: Any) -> None:
        """PATCH `/v1/<path>`; raises for an answer that is an error."""
        (await self._http.patch(f"/v1/{path}", json=body)).raise_for_status()

    async def chat_with(self, other: Account) -> str:
        """Start the private chat of the two; return its id."""
        body = {"type": "private", "member_ids": [other.user_id]}
        conversation: str = (await self.post("conversations", body))["id"]
        return conversation

    async def say(self, conversation: str, texts: Sequence[str]) -> list[str]:
        """Send texts in order, up to 500; return the messages' ids once all are accepted."""
        messages = [
            {
                "message_id": str(uuid.uuid4()),
                "conversation_id": conversation,
                "payload": {"type": "text", "text": text},
            }
            for text in texts
        ]
        outcomes = (await self.post("messages/batch", {"messages": messages}))["items"]
        assert [one["status"] for one in outcomes] == [httpx.codes.ACCEPTED] * len(messages)
        return [one["message_id"] for one in outcomes]

    async def history(self, conversation: str, count: int) -> list[dict[str, Any]]:
        """Return the whole conversation once it has `count` messages."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self._pages(conversation)
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.1)

    async def _pages(self, conversation: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            after = found[-1]["seq"] if found else 0
            path = f"conversations/{conversation}/messages"
            page = (await self.get(path, after_seq=after, limit=PAGE))["items"]
            found += page
            if len(page) < PAGE:
                return found

    def socket(self, **options: Any) -> connect:
        """Open a WebSocket that names its token as a subprotocol."""
        protocols = ["chat4all.v1", f"bearer.{self.token}"]
        return self.bare_socket(subprotocols=[Subprotocol(one) for one in protocols], **options)

    def bare_socket(self, *, query: str = "", **options: Any) -> connect:
        """Open a WebSocket that says nothing about who it is."""
        told = {"proxy": None, "max_size": None, "compression": None, **options}
        return connect(self.socket_url + query, **told)
