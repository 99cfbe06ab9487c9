"""Sends pushes to apps on Apple's devices, over HTTP/2.

https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated

import httpx
import msgspec
from msgspec import Meta

from chat4all.adapters.apns.provider_tokens import ProviderTokens, TeamKey
from chat4all.domain.errors import InvalidInput
from chat4all.domain.push import PushSubscription, fitting
from chat4all.domain.retry_after import seconds_to_wait
from chat4all.ports.push import Push, PushOutcome, PushResult, Urgency

HOSTS: Mapping[str, str] = {
    "production": "https://api.push.apple.com",
    "sandbox": "https://api.sandbox.push.apple.com",
}
"""Which service has a device's token: that of apps from the store, or of those from Xcode."""
MAX_BODY = 4_096
TOKEN = re.compile(r"([0-9a-f]{2}){1,100}")
EXPIRED = "ExpiredProviderToken"


def _now() -> datetime:
    return datetime.now(UTC)


class ApnsSender:
    """A `PushSender` for the apps that `topics` names. `http` speaks HTTP/2."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        key: TeamKey,
        topics: Collection[str],
        *,
        hosts: Mapping[str, str] = HOSTS,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._http = http
        self._tokens = ProviderTokens(key, now)
        self._topics = topics
        self._hosts = hosts
        self._now = now

    async def check(self, subscription: PushSubscription) -> None:
        """See `PushSender.check`."""
        if not TOKEN.fullmatch(subscription.endpoint):
            raise _unusable("token", "it is no device token in hexadecimal")
        if subscription.keys.get("environment") not in self._hosts:
            raise _unusable("environment", f"it is none of {', '.join(self._hosts)}")
        if subscription.keys.get("topic") not in self._topics:
            raise _unusable("topic", "it is no app that this server pushes to")

    async def send(self, subscription: PushSubscription, push: Push) -> PushOutcome:
        """See `PushSender.send`. A token of ours that has expired is renewed, once."""
        try:
            token = self._tokens.get()
            answer = await self._post(subscription, push, token)
            if _told(answer).reason == EXPIRED:
                anew = self._tokens.get(refused=token)
                if anew != token:
                    answer = await self._post(subscription, push, anew)
        except httpx.HTTPError as error:
            return PushOutcome(result=PushResult.LATER, detail=type(error).__name__)
        return _outcome(answer)

    async def _post(self, subscription: PushSubscription, push: Push, token: str) -> httpx.Response:
        host = self._hosts[subscription.keys["environment"]]
        until = self._now() + timedelta(seconds=push.ttl)
        call = self._http.build_request(
            "POST",
            f"{host}/3/device/{subscription.endpoint}",
            content=body_of(push),
            headers={
                "authorization": f"bearer {token}",
                "apns-topic": subscription.keys["topic"],
                "apns-push-type": "alert",
                "apns-priority": "10" if push.urgency is Urgency.HIGH else "5",
                "apns-expiration": str(int(until.timestamp())),
                "apns-collapse-id": push.topic,
            },
        )
        try:
            return await self._http.send(call)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            return await self._http.send(call)  # a kept connection had ended; the next is new


def body_of(push: Push) -> bytes:
    """Return what the device gets; what is beside `aps` is for the app."""
    badge = {} if push.unread is None else {"badge": push.unread}

    def written(text: str) -> bytes:
        alert = {"title": push.title, "body": text}
        aps = {"alert": alert, "thread-id": push.thread, "sound": "default", **badge}
        return msgspec.json.encode({**push.data, "aps": aps})

    return fitting(push.text, MAX_BODY, written)


class _Told(msgspec.Struct, frozen=True):
    reason: str = ""
    timestamp: Annotated[int, Meta(ge=0, le=10**14)] | None = None
    """Since when a device is gone, in milliseconds."""


def _told(answer: httpx.Response) -> _Told:
    try:
        return msgspec.json.decode(answer.content, type=_Told)
    except ValueError:
        return _Told()


def _outcome(answer: httpx.Response) -> PushOutcome:
    """Read an answer.

    https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns

    What is wrong with our key is no device's fault: it may be mended, so such pushes are
    tried again.
    """
    status, told = answer.status_code, _told(answer)
    if status == httpx.codes.OK:
        return PushOutcome(result=PushResult.TAKEN)
    detail = f"{status} {told.reason[:200]}".strip()
    if status == httpx.codes.GONE or told.reason == "BadDeviceToken":
        since = (
            None if told.timestamp is None else datetime.fromtimestamp(told.timestamp / 1e3, UTC)
        )
        return PushOutcome(result=PushResult.GONE, gone_since=since, detail=detail)
    may_change = (httpx.codes.FORBIDDEN, httpx.codes.TOO_MANY_REQUESTS)
    if status in may_change or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        wait = seconds_to_wait(answer.headers.get("retry-after", ""))
        return PushOutcome(result=PushResult.LATER, retry_after=wait, detail=detail)
    return PushOutcome(result=PushResult.REFUSED, detail=detail)


def _unusable(name: str, why: str) -> InvalidInput:
    return InvalidInput(f"an app cannot be pushed to by `{name}`: {why}", [(f"/{name}", why)])
