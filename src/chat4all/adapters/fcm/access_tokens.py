"""The tokens by which FCM knows who sends: got for a signed claim, good for about an hour.

https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

import httpx
import msgspec
from joserfc import jwt
from msgspec import Meta

from chat4all.adapters.fcm.service_account import ServiceAccount
from chat4all.domain.retry_after import seconds_to_wait

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLAIM_SECONDS = 3_600
"""For how long a claim is good; Google takes an hour at most."""
SPARE = timedelta(minutes=5)
"""A token is not used any more so long before it expires."""


class NoToken(Exception):
    """Google gave no token; it may another time, perhaps after `retry_after` seconds."""

    def __init__(self, why: str, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class _Answer(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: Annotated[int, Meta(ge=0, le=10**6)]


class _Refusal(msgspec.Struct, frozen=True):
    error: str = ""
    error_description: str = ""


class AccessTokens:
    """Keeps one token until shortly before it expires."""

    def __init__(
        self, http: httpx.AsyncClient, account: ServiceAccount, now: Callable[[], datetime]
    ) -> None:
        self._http = http
        self._account = account
        self._now = now
        self._lock = asyncio.Lock()
        self._token = ""
        self._good_until: datetime | None = None

    async def get(self, *, refused: str = "") -> str:
        """Return a token that is good, and is not the one that was `refused`.

        Raises `NoToken`.
        """
        async with self._lock:
            until = self._good_until
            if until is None or self._now() >= until or self._token == refused:
                await self._renew()
            return self._token

    async def _renew(self) -> None:
        form = {"grant_type": GRANT, "assertion": self._claim()}
        asked_at = self._now()
        try:
            answer = await self._http.post(self._account.token_uri, data=form)
        except httpx.HTTPError as error:
            raise NoToken(f"no token: {type(error).__name__}") from error
        if answer.status_code != httpx.codes.OK:
            wait = seconds_to_wait(answer.headers.get("retry-after", ""))
            raise NoToken(f"no token: {answer.status_code} {_reason(answer)}".strip(), wait)
        try:
            given = msgspec.json.decode(answer.content, type=_Answer)
        except ValueError:  # what it quotes may be a token
            raise NoToken("no token: an answer that cannot be read") from None
        self._token = given.access_token
        self._good_until = asked_at + timedelta(seconds=given.expires_in) - SPARE

    def _claim(self) -> str:
        account, at = self._account, int(self._now().timestamp())
        header = {"alg": "RS256", "typ": "JWT", "kid": account.key_id}
        claims: dict[str, object] = {
            "iss": account.email,
            "scope": SCOPE,
            "aud": account.token_uri,
            "iat": at,
            "exp": at + CLAIM_SECONDS,
        }
        return jwt.encode(header, claims, account.key)


def _reason(answer: httpx.Response) -> str:
    try:
        told = msgspec.json.decode(answer.content, type=_Refusal)
    except ValueError:
        return ""
    return f"{told.error} {told.error_description}".strip()[:200]
