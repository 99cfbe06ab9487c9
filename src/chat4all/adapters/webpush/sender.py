"""Sends pushes to browsers. https://www.rfc-editor.org/rfc/rfc8030."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from chat4all.adapters.webpush.encryption import encrypted, read_keys
from chat4all.adapters.webpush.vapid import VapidKey
from chat4all.domain.push import PushSubscription, fitting
from chat4all.ports.push import Push, PushOutcome, PushResult
from chat4all.ports.webhooks import Answer, Post

MAX_BODY = 3_000
"""Bytes of one push, so that it fits into every push service with its encryption."""
GONE = (404, 410)
TOO_MANY = 429
SERVER_ERROR = 500


def _now() -> datetime:
    return datetime.now(UTC)


class WebPushSender:
    """A `PushSender` for browsers; `post` calls their push services, which strangers name.

    `contact` is an address (`mailto:` or `https:`) at which the operator of a push service
    may complain; empty: none, which some of them do not take.
    """

    def __init__(
        self,
        post: Post,
        key: VapidKey,
        *,
        contact: str = "",
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._post = post
        self._key = key
        self._contact = contact
        self._now = now

    async def check(self, subscription: PushSubscription) -> None:
        """See `PushSender.check`."""
        read_keys(subscription.keys)
        await self._post.check(subscription.endpoint)

    async def send(self, subscription: PushSubscription, push: Push) -> PushOutcome:
        """See `PushSender.send`."""
        endpoint = subscription.endpoint
        headers = {
            "authorization": self._key.authorization(endpoint, self._contact, self._now()),
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(push.ttl),
            "topic": push.topic,
            "urgency": push.urgency.value,
        }
        body = encrypted(body_of(push), subscription.keys)
        return _outcome(await self._post(endpoint, headers, body))


def body_of(push: Push) -> bytes:
    """Return what the page's worker reads, as JSON."""

    def written(text: str) -> bytes:
        badge = {} if push.unread is None else {"unread": push.unread}
        return msgspec.json.encode({**push.data, "title": push.title, "body": text, **badge})

    return fitting(push.text, MAX_BODY, written)


def _outcome(answer: Answer) -> PushOutcome:
    status = answer.status
    if status is None:
        return PushOutcome(result=PushResult.LATER, detail=answer.error or "no answer")
    if 200 <= status < 300:  # noqa: PLR2004 - RFC 9110
        return PushOutcome(result=PushResult.TAKEN)
    said = f"{status} {answer.text[:200]}".strip()
    if status in GONE:
        return PushOutcome(result=PushResult.GONE, detail=said)
    if status == TOO_MANY or status >= SERVER_ERROR:
        return PushOutcome(result=PushResult.LATER, retry_after=answer.retry_after, detail=said)
    return PushOutcome(result=PushResult.REFUSED, detail=said)
