"""The access token of a sign-in, renewed before it ends."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus

import httpx
import msgspec

from chat4all.client.errors import Refused, refusal

EARLY = 0.2
"""The part of its life before whose end a token is renewed."""
EARLIEST_SECONDS = 60.0
LEAVE_SECONDS = 5.0


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of the token endpoint (RFC 6749 section 5.1)."""

    access_token: str
    expires_in: float
    refresh_token: str | None = None


class Tokens:
    """Signs in with name and password, and renews by refresh tokens.

    The password is kept: a refresh token whose use broke off in the middle may have been
    used up, and a second use would end the sign-in.
    """

    def __init__(self, http: httpx.AsyncClient, username: str, password: str) -> None:
        self._http = http
        self._password = {"grant_type": "password", "username": username, "password": password}
        self._granted: Granted | None = None
        self._renew_at = 0.0
        self._renewing = asyncio.Lock()

    async def bearer(self) -> str:
        """Return a token that is good for a while. Raises `Refused`, `httpx.TransportError`."""
        granted = self._granted
        if granted is None or time.monotonic() >= self._renew_at:
            return await self.renew(granted.access_token if granted else None)
        return granted.access_token

    async def renew(self, stale: str | None) -> str:
        """Return another token than `stale`, which ends or was refused.

        Raises `Refused`, `httpx.TransportError`.
        """
        async with self._renewing:
            if self._granted is None or self._granted.access_token == stale:
                self._granted = await self._next()
                life = self._granted.expires_in
                early = min(EARLIEST_SECONDS, EARLY * life)
                self._renew_at = time.monotonic() + life - early
            return self._granted.access_token

    async def leave(self) -> None:
        """End the sign-in at the server, if it can be reached."""
        granted, self._granted = self._granted, None
        if granted is not None:
            form = {"token": granted.refresh_token or granted.access_token}
            await self._http.post("/v1/auth/revoke", data=form, timeout=LEAVE_SECONDS)

    async def _next(self) -> Granted:
        refresh = self._granted.refresh_token if self._granted else None
        self._granted = None
        if refresh is not None:
            try:
                return await self._ask({"grant_type": "refresh_token", "refresh_token": refresh})
            except Refused as error:
                if error.status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED):
                    raise
        return await self._ask(self._password)

    async def _ask(self, form: dict[str, str]) -> Granted:
        answer = await self._http.post("/v1/auth/token", data=form)
        if not answer.is_success:
            raise refusal(answer)
        return msgspec.json.decode(answer.content, type=Granted)
