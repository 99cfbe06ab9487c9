"""Updates delivered to a bot's webhook. https://core.telegram.org/bots/api#setwebhook."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chat4all.testing.changes import Changes
    from chat4all.testing.telegram.faults import FaultPlan
    from chat4all.testing.telegram.model import Json
    from chat4all.testing.telegram.updates import UpdateQueue

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name


@dataclass(frozen=True, kw_only=True, slots=True)
class Backoff:
    """Seconds to wait after a refused delivery: `first`, then doubled up to `most`."""

    first: float = 0.5
    most: float = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookTarget:
    """What a bot asked for with setWebhook."""

    url: str
    secret_token: str = ""
    max_connections: int = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookFailure:
    """The last failed delivery, as getWebhookInfo tells it."""

    date: int
    message: str


class WebhookDelivery:
    """Posts a bot's updates one by one, each until it is accepted with a 2xx.

    Telegram may deliver different chats in parallel; here everything stays in order.
    """

    def __init__(
        self,
        target: WebhookTarget,
        updates: UpdateQueue,
        *,
        http: httpx.AsyncClient,
        changes: Changes,
        faults: FaultPlan,
        backoff: Backoff,
        now: Callable[[], int],
        on_reply: Callable[[str, bytes], Awaitable[None]],
    ) -> None:
        self.target = target
        self.failure: WebhookFailure | None = None
        self._updates = updates
        self._http = http
        self._changes = changes
        self._faults = faults
        self._backoff = backoff
        self._now = now
        self._on_reply = on_reply
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to deliver."""
        self._task = asyncio.create_task(self._run(), name="telegram-webhook")

    async def stop(self) -> None:
        """Stop delivering; an update under way stays queued and may be delivered again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._changes.closed:
            if await self._changes.until(lambda: len(self._updates) > 0, within=3600):
                await self._deliver(self._updates.head)

    async def _deliver(self, update: Json) -> None:
        delay = self._backoff.first
        while (retry_after := await self._post(update)) is not None:
            await asyncio.sleep(retry_after or delay)
            delay = min(delay * 2, self._backoff.most)
        self._updates.confirm(update["update_id"] + 1)
        self._changes.announce()
        if self._faults.take_duplicate():
            await self._post(update)

    async def _post(self, update: Json) -> float | None:
        """Return None when the update was accepted, else the wait asked for (0: none)."""
        headers = {SECRET_HEADER: self.target.secret_token} if self.target.secret_token else {}
        try:
            answer = await self._http.post(self.target.url, json=update, headers=headers)
        except httpx.TimeoutException:
            return self._failed("Read timeout expired")
        except httpx.ConnectError:
            return self._failed("Connection refused")
        except httpx.HTTPError:
            return self._failed("Webhook connection closed")
        if not answer.is_success:
            self._failed(
                f"Wrong response from the webhook: {answer.status_code} {answer.reason_phrase}"
            )
            return _seconds(answer.headers.get("retry-after", ""))
        await self._on_reply(answer.headers.get("content-type", ""), answer.content)
        return None

    def _failed(self, message: str) -> float:
        self.failure = WebhookFailure(date=self._now(), message=message)
        self._changes.announce()
        return 0.0


def _seconds(retry_after: str) -> float:
    try:
        seconds = float(retry_after)
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), 3600.0) if math.isfinite(seconds) else 0.0
