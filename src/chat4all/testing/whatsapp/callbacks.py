"""Callbacks delivered to the address of a number.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from collections import deque
from dataclasses import dataclass

import httpx

from chat4all.testing.changes import Changes
from chat4all.testing.whatsapp.errors import ChallengeFailed
from chat4all.testing.whatsapp.faults import FaultKind, FaultPlan
from chat4all.testing.whatsapp.model import Json, Number
from chat4all.testing.whatsapp.payloads import callback

SIGNATURE_HEADER = "X-Hub-Signature-256"
LATE_SECONDS = 0.3
"""How long a late callback waits for one that it could come after."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Backoff:
    """Seconds to wait after a refused callback: `first`, then doubled up to `most`."""

    first: float = 0.5
    most: float = 60.0


def signature(app_secret: str, body: bytes) -> str:
    """Return the value of the header that proves who sent `body`."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


async def challenge(http: httpx.AsyncClient, url: str, verify_token: str) -> None:
    """Ask a callback address to prove itself. Raises `ChallengeFailed`."""
    sent = str(secrets.randbelow(10**10))
    query = {"hub.mode": "subscribe", "hub.challenge": sent, "hub.verify_token": verify_token}
    try:
        answer = await http.get(url, params=query)
    except httpx.HTTPError as error:
        raise ChallengeFailed(f"{url} does not answer: {type(error).__name__}") from error
    if answer.status_code != httpx.codes.OK or answer.text != sent:
        raise ChallengeFailed(f"{url} answers {answer.status_code}, and not the challenge")


class CallbackQueue:
    """What one number is to be told; each callback is repeated until it is answered 2xx.

    WhatsApp promises no order; here it is kept unless a fault says otherwise. What happens
    before there is a callback address waits for one. `batch` values go into one callback.
    """

    def __init__(
        self, number: Number, *, changes: Changes, faults: FaultPlan, backoff: Backoff, batch: int
    ) -> None:
        self.batch = batch
        self.paused = False
        self._number = number
        self._changes = changes
        self._faults = faults
        self._backoff = backoff
        self._waiting: deque[Json] = deque()
        self._in_hand: list[list[Json]] = []
        self._busy = False

    @property
    def idle(self) -> bool:
        """Whether everything is told."""
        return not self._waiting and not self._busy

    def put(self, value: Json) -> None:
        """Tell this after what waits."""
        self._waiting.append(value)
        self._changes.announce()

    async def run(self, http: httpx.AsyncClient) -> None:
        """Deliver until cancelled."""
        while not self._changes.closed:
            if await self._changes.until(self._ready, within=3600):
                await self._next(http)

    def _ready(self) -> bool:
        return bool(self._waiting) and not self.paused and self._number.callback_url is not None

    async def _next(self, http: httpx.AsyncClient) -> None:
        self._busy = True
        values = self._taken(self.batch)
        try:
            await self._tell(http, values)
        except asyncio.CancelledError:  # what is not told waits for the next start
            for untold in reversed(self._in_hand):
                self._waiting.extendleft(reversed(untold))
            raise
        finally:
            self._in_hand.clear()
            self._busy = False
            self._changes.announce()

    def _taken(self, most: int) -> list[Json]:
        values = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._in_hand.append(values)
        return values

    async def _tell(self, http: httpx.AsyncClient, values: list[Json]) -> None:
        fault = self._faults.take(callback=True)
        if fault is not None and fault.kind is FaultKind.LOST_CALLBACK:
            return
        if fault is not None and fault.kind is FaultKind.LATE_CALLBACK:
            await self._changes.until(lambda: bool(self._waiting), within=LATE_SECONDS)
            if self._waiting:
                later = self._taken(1)
                await self._deliver(http, later)
                self._in_hand.remove(later)
        await self._deliver(http, values)
        self._in_hand.clear()
        if fault is not None and fault.kind is FaultKind.DUPLICATE_CALLBACK:
            await self._deliver(http, values)

    async def _deliver(self, http: httpx.AsyncClient, values: list[Json]) -> None:
        body = json.dumps(callback(self._number, values)).encode()
        delay = self._backoff.first
        while not await self._post(http, body):
            await asyncio.sleep(delay)
            delay = min(delay * 2, self._backoff.most)

    async def _post(self, http: httpx.AsyncClient, body: bytes) -> bool:
        url = self._number.callback_url
        if url is None:
            return False
        headers = {
            "Content-Type": "application/json",
            SIGNATURE_HEADER: signature(self._number.app_secret, body),
        }
        try:
            return (await http.post(url, content=body, headers=headers)).is_success
        except httpx.HTTPError:
            return False
