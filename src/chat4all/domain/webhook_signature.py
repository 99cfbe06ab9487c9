"""Signatures by which a receiver knows that an event is ours, and not an old one.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

PREFIX = "whsec_"
KEY_BYTES = 32


def new_secret() -> str:
    """Return a new secret, as receivers' libraries read it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def signed_headers(
    signing: Sequence[str], event_id: str, body: bytes, at: datetime
) -> dict[str, str]:
    """Return the three headers of a delivery: one signature for each secret."""
    timestamp = str(int(at.timestamp()))
    content = f"{event_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(one, content) for one in signing),
    }


def is_signed(headers: Mapping[str, str], body: bytes, signing: Sequence[str]) -> bool:
    """Say whether `headers` (names in lower case) sign `body` by one of the secrets.

    It says nothing of when that was: see `webhook-timestamp`.
    """
    event_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    content = f"{event_id}.{timestamp}.".encode() + body
    given = [one.encode() for one in headers.get("webhook-signature", "").split()]
    wanted = [_signature(one, content).encode() for one in signing]
    return any(hmac.compare_digest(one, other) for one in given for other in wanted)


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode()
