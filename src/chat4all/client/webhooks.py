"""Webhooks as a receiver gets them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from chat4all.client.errors import WrongSignature
from chat4all.domain.webhook_signature import is_signed

TOLERANCE_SECONDS = 300.0


class WebhookEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What was posted (CloudEvents 1.0): `data` is as the WebSocket tells it.

    It may come twice, with the same `id`.
    """

    id: str
    type: str
    source: str
    time: datetime
    data: dict[str, Any]
    subject: str | None = None


def verify_webhook(
    headers: Mapping[str, str],
    body: bytes,
    secrets: Sequence[str],
    *,
    tolerance: float = TOLERANCE_SECONDS,
    now: float | None = None,
) -> WebhookEvent:
    """Return what was posted, once it is known to come from Chat4All.

    `body` is as it came, `secrets` are those of the endpoint (`whsec_...`), two while they are
    rotated. One sent more than `tolerance` seconds before or after `now` (Unix time; else the
    clock's) is refused, so nobody can repeat it later. Raises `WrongSignature`.
    """
    given = {name.lower(): value for name, value in headers.items()}
    sent = given.get("webhook-timestamp", "")
    if not (sent.isascii() and sent.isdecimal()):
        raise WrongSignature("`webhook-timestamp` is missing or no number")
    if abs((time.time() if now is None else now) - int(sent)) > tolerance:
        raise WrongSignature("it is too old, or one of the two clocks is wrong")
    if not is_signed(given, body, secrets):
        raise WrongSignature("no signature was made with one of these secrets")
    return msgspec.json.decode(body, type=WebhookEvent)
