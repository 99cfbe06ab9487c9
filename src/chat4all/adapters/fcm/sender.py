"""Sends pushes to apps by Firebase Cloud Messaging, its HTTP v1 API.

https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec

from chat4all.adapters.fcm.access_tokens import AccessTokens, NoToken
from chat4all.adapters.fcm.service_account import ServiceAccount
from chat4all.domain.errors import InvalidInput
from chat4all.domain.push import PushSubscription, fitting
from chat4all.domain.retry_after import seconds_to_wait
from chat4all.ports.push import Push, PushOutcome, PushResult, Urgency

API = "https://fcm.googleapis.com"
MAX_BODY = 4_096
"""Bytes; FCM counts the keys and values of a message, we all that is posted."""
TOKEN = re.compile(r"[A-Za-z0-9_:.-]{1,4096}")
BUSY_SECONDS = 60.0
"""How long FCM wants to be left alone when it says 429, and not for how long."""
NO_TOKEN_OF_FCM = "The registration token is not a valid FCM registration token"  # noqa: S105 - words


def _now() -> datetime:
    return datetime.now(UTC)


class FcmSender:
    """A `PushSender` for apps of one Firebase project. `http` follows no redirect."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        account: ServiceAccount,
        *,
        api: str = API,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._http = http
        self._tokens = AccessTokens(http, account, now)
        self._url = f"{api.rstrip('/')}/v1/projects/{account.project}/messages:send"
        self._now = now

    async def check(self, subscription: PushSubscription) -> None:
        """See `PushSender.check`."""
        if not TOKEN.fullmatch(subscription.endpoint):
            why = "it is no registration token of FCM"
            raise InvalidInput(f"an app cannot be pushed to by `token`: {why}", [("/token", why)])

    async def send(self, subscription: PushSubscription, push: Push) -> PushOutcome:
        """See `PushSender.send`. A token of ours that is refused is renewed, once."""
        body = body_of(subscription.endpoint, push, self._now())
        try:
            token = await self._tokens.get()
            answer = await self._post(body, token)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                answer = await self._post(body, await self._tokens.get(refused=token))
        except NoToken as error:
            return PushOutcome(
                result=PushResult.LATER, retry_after=error.retry_after, detail=str(error)
            )
        except httpx.HTTPError as error:
            return PushOutcome(result=PushResult.LATER, detail=type(error).__name__)
        return _outcome(answer)

    async def _post(self, body: bytes, token: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        return await self._http.post(self._url, content=body, headers=headers)


def body_of(token: str, push: Push, at: datetime) -> bytes:
    """Return the message as FCM takes it; what is under `apns` is for Apple's devices."""

    def written(text: str) -> bytes:
        return msgspec.json.encode({"message": _message(token, push, text, at)})

    return fitting(push.text, MAX_BODY, written)


def _message(token: str, push: Push, text: str, at: datetime) -> dict[str, Any]:
    urgent = push.urgency is Urgency.HIGH
    unread = {} if push.unread is None else {"unread": str(push.unread)}
    count = {} if push.unread is None else {"notification_count": push.unread}
    badge = {} if push.unread is None else {"badge": push.unread}
    until = at + timedelta(seconds=push.ttl)
    return {
        "token": token,
        "notification": {"title": push.title, "body": text},
        "data": {**{name: str(value) for name, value in push.data.items()}, **unread},
        "android": {
            "collapse_key": push.topic,
            "ttl": f"{push.ttl}s",
            "priority": "HIGH" if urgent else "NORMAL",
            "notification": {"tag": push.topic, "default_sound": True, **count},
        },
        "apns": {
            "headers": {
                "apns-collapse-id": push.topic,
                "apns-expiration": str(int(until.timestamp())),
                "apns-priority": "10" if urgent else "5",
            },
            "payload": {"aps": {"thread-id": push.thread, "sound": "default", **badge}},
        },
    }


class _Violation(msgspec.Struct, frozen=True):
    field: str = ""


class _Detail(msgspec.Struct, frozen=True, rename="camel"):
    error_code: str = ""
    field_violations: Sequence[_Violation] = ()


class _Error(msgspec.Struct, frozen=True):
    status: str = ""
    message: str = ""
    details: Sequence[_Detail] = ()


class _Refusal(msgspec.Struct, frozen=True):
    error: _Error = _Error()


def _outcome(answer: httpx.Response) -> PushOutcome:
    """Read an answer. https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode.

    What is wrong with our account or its project is no device's fault: it may be mended, so
    such pushes are tried again.
    """
    status = answer.status_code
    if status == httpx.codes.OK:
        return PushOutcome(result=PushResult.TAKEN)
    try:
        error = msgspec.json.decode(answer.content, type=_Refusal).error
    except ValueError:
        error = _Error()
    codes = {one.error_code for one in error.details}
    detail = " ".join(filter(None, (str(status), error.status, error.message[:200])))
    if codes & {"UNREGISTERED", "SENDER_ID_MISMATCH"} or _is_no_token(error):
        return PushOutcome(result=PushResult.GONE, detail=detail)
    if status == httpx.codes.BAD_REQUEST:
        return PushOutcome(result=PushResult.REFUSED, detail=detail)
    wait = seconds_to_wait(answer.headers.get("retry-after", ""))
    if wait is None and status == httpx.codes.TOO_MANY_REQUESTS:
        wait = BUSY_SECONDS
    return PushOutcome(result=PushResult.LATER, retry_after=wait, detail=detail)


def _is_no_token(error: _Error) -> bool:
    fields = {each.field for one in error.details for each in one.field_violations}
    return error.status == "INVALID_ARGUMENT" and (
        "message.token" in fields or error.message.startswith(NO_TOKEN_OF_FCM)
    )
