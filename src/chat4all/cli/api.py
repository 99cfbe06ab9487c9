"""The REST API as the commands call it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import httpx

from chat4all.cli.failure import CommandFailed
from chat4all.client.errors import refusal
from chat4all.client.pauses import retry_after

PATIENCE = 60.0
"""Seconds a command waits in all for a server that asks to come back later."""
PAGE = 100

SignIn = Callable[[httpx.AsyncClient], Awaitable[str]]
"""Returns an access token."""


class Api:
    """Calls on behalf of one user; signs in when needed, and again when a token expires."""

    def __init__(self, client: httpx.AsyncClient, sign_in: SignIn) -> None:
        self._client = client
        self._sign_in = sign_in
        self._token: str | None = None

    @property
    def address(self) -> str:
        """Return where the server is, without a slash at the end."""
        return str(self._client.base_url).rstrip("/")

    @property
    def on_behalf_of(self) -> None:
        """A command acts as who gives it."""

    async def token(self, *, instead_of: str | None = None) -> str:
        """Return the access token, another than `instead_of`."""
        if self._token in (None, instead_of):
            self._token = await self._sign_in(self._client)
        return self._token

    async def get(self, path: str, **params: str | int) -> Any:
        """Return what the server tells."""
        return await self.call("GET", path, params=params)

    async def post(self, path: str, body: Any, **headers: str) -> Any:
        """Return what the server answers to `body`."""
        return await self.call("POST", path, json=body, headers=headers)

    async def items(self, path: str, **params: str | int) -> AsyncIterator[Any]:
        """Yield the items of a list, page after page."""
        cursor: str | None = None
        while True:
            following = {"cursor": cursor} if cursor is not None else {}
            page = await self.get(path, limit=PAGE, **params, **following)
            for item in page["items"]:
                yield item
            cursor = page["next"]
            if cursor is None:
                return

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the decoded answer. Raises `CommandFailed` with what the server says."""
        waited, renewed = 0.0, False
        while True:
            bearer = {"Authorization": f"Bearer {await self.token()}"}
            answer = await self._client.request(
                method,
                path,
                json=json,
                content=content,
                params=params,
                headers={**bearer, **(headers or {})},
            )
            if answer.status_code == HTTPStatus.UNAUTHORIZED and not renewed:
                renewed = True
                await self.token(instead_of=self._token)
                continue
            wait = _wait(answer)
            if wait is not None and waited + wait <= PATIENCE:
                waited += wait
                await asyncio.sleep(wait)
                continue
            if not answer.is_success:
                raise CommandFailed(explain(answer))
            return answer.json() if answer.content else None

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: AsyncIterator[bytes] | None = None,
    ) -> httpx.Response:
        """Return the answer to one call, whatever it is."""
        bearer = {"Authorization": f"Bearer {await self.token()}"}
        return await self._client.request(
            method, url, content=content, headers={**bearer, **headers}
        )

    @asynccontextmanager
    async def stream(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """Give the answer to a GET before its body came, whatever it is."""
        bearer = {"Authorization": f"Bearer {await self.token()}", "Accept-Encoding": "identity"}
        async with self._client.stream("GET", url, headers={**bearer, **headers}) as answer:
            yield answer


def explain(answer: httpx.Response) -> str:
    """Return in one line what a refusal says."""
    return str(refusal(answer))


def _wait(answer: httpx.Response) -> float | None:
    """Return how long to wait before asking again; None when that is no use."""
    later = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
    if answer.status_code not in later:
        return None
    told = retry_after(answer.headers)
    return 1.0 if told is None else told
