"""Calls of the REST API: signed in, repeated where that does no harm, bounded in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

import httpx
import msgspec

from chat4all.client.api_key import ON_BEHALF_OF
from chat4all.client.errors import NotReached, Refused, refusal
from chat4all.client.pauses import Backoff, Deadline

TIMEOUT = httpx.Timeout(60.0, connect=10.0)
PATIENCE = 30.0
"""Seconds that one call may take with all its repeats."""
LATER = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
"""Answers after which the same may work later."""
_HARMLESS = ("GET", "HEAD", "PUT", "DELETE")
"""Methods whose repeat has no second effect (RFC 9110 section 9.2.2)."""
_JSON = {"Content-Type": "application/json"}


class Credentials(Protocol):
    """What proves who asks."""

    async def bearer(self) -> str:
        """Return what is good for a while. Raises `Refused`, `httpx.TransportError`."""
        ...

    async def renew(self, stale: str | None) -> str:
        """Return another than `stale`, which was refused.

        Raises `Refused`, also when there is no other, and `httpx.TransportError`.
        """
        ...


class _Asked(NamedTuple):
    method: str
    path: str
    content: bytes | None
    params: Mapping[str, str | int] | None


def is_local(address: str) -> bool:
    """Say whether this machine is meant: proxies are for the outside."""
    return httpx.URL(address).host in ("127.0.0.1", "::1", "localhost")


def http_client(address: str, *, on_behalf_of: str | None = None) -> httpx.AsyncClient:
    """Return what speaks to the server at `address`, and says with each call as whom."""
    return httpx.AsyncClient(
        base_url=address,
        timeout=TIMEOUT,
        trust_env=not is_local(address),
        headers={} if on_behalf_of is None else {ON_BEHALF_OF: on_behalf_of},
    )


def bearer_of(answer: httpx.Response) -> str:
    """Return the token with which was asked."""
    return answer.request.headers["Authorization"].removeprefix("Bearer ")


class Connection:
    """Calls on behalf of who has `credentials`; one call takes `patience` seconds at most."""

    def __init__(self, http: httpx.AsyncClient, credentials: Credentials, patience: float) -> None:
        self._http = http
        self._credentials = credentials
        self._patience = patience

    @property
    def address(self) -> str:
        """Return where the server is, without a slash at the end."""
        return str(self._http.base_url).rstrip("/")

    @property
    def on_behalf_of(self) -> str | None:
        """Return the user as whom a program acts."""
        user: str | None = self._http.headers.get(ON_BEHALF_OF)
        return user

    async def token(self, *, instead_of: str | None = None) -> str:
        """Return an access token or API key, another than `instead_of`."""
        if instead_of is None:
            return await self._credentials.bearer()
        return await self._credentials.renew(instead_of)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, str | int] | None = None,
        repeatable: bool | None = None,
        patience: float | None = None,
    ) -> bytes:
        """Return the body of an answer that is a success.

        What is `repeatable` is asked again after a connection that broke and an answer that
        says later (429, 502, 503, 504): when `Retry-After` tells, else after growing pauses.
        Anything else is asked again after a 429 alone. Raises `Refused`, `NotReached`.
        """
        again = method in _HARMLESS if repeatable is None else repeatable
        asked = _Asked(method, path, None if body is None else msgspec.json.encode(body), params)
        deadline, backoff = Deadline(patience or self._patience), Backoff()
        while True:
            try:
                async with asyncio.timeout(deadline.left):
                    return await self._answer(asked)
            except Refused as refused:
                failure: Refused | NotReached = refused
            except (httpx.TransportError, TimeoutError) as error:
                failure = NotReached(f"no answer from {self.address}: {error or 'it is late'}")
            wait = _pause(failure, backoff, again=again)
            if wait is None or wait >= deadline.left:
                raise failure
            await asyncio.sleep(wait)

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | AsyncIterator[bytes] | None = None,
        params: Mapping[str, str | int] | None = None,
    ) -> httpx.Response:
        """Return the answer to one call, whatever it is. Raises `httpx.TransportError`."""
        bearer = {"Authorization": f"Bearer {await self.token()}"}
        return await self._http.request(
            method, url, content=content, params=params, headers={**bearer, **headers}
        )

    @asynccontextmanager
    async def stream(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """Give the answer to a GET before its body came, whatever it is."""
        told = {"Authorization": f"Bearer {await self.token()}", "Accept-Encoding": "identity"}
        async with self._http.stream("GET", url, headers={**told, **headers}) as answer:
            yield answer

    async def _answer(self, asked: _Asked) -> bytes:
        """Ask once, and a second time when the token has ended meanwhile."""
        for last in (False, True):
            answer = await self.send(
                asked.method,
                asked.path,
                headers=_JSON,
                content=asked.content,
                params=asked.params,
            )
            if answer.is_success:
                return answer.content
            if answer.status_code != HTTPStatus.UNAUTHORIZED or last:
                break
            await self.token(instead_of=bearer_of(answer))
        raise refusal(answer)


def _pause(failure: Refused | NotReached, backoff: Backoff, *, again: bool) -> float | None:
    """Return how long to wait before asking again; None when it is not to be asked again."""
    if isinstance(failure, NotReached):
        return backoff.next() if again else None
    if failure.status == HTTPStatus.TOO_MANY_REQUESTS or (again and failure.status in LATER):
        return max(failure.retry_after or 0.0, backoff.next())
    return None
