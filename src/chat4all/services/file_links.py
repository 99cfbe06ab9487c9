"""Signed links: whoever has one may read one file until it expires."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from urllib.parse import urlencode

from chat4all.domain.errors import NotPermitted
from chat4all.domain.ids import FileId
from chat4all.ports.users import Keys
from chat4all.services.clock import Clock, utc_now

KEY = "file-link-key"
"""The name of the signing key in the directory's configuration."""
LONGEST = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Link:
    """An address that serves a file until `expires_at`."""

    url: str
    expires_at: datetime


class FileLinks:
    """Signs and checks links. `address` is where clients reach the file endpoints.

    The signature (HMAC-SHA256) covers the file, the expiry and the disposition, so none of
    them can be changed.
    """

    def __init__(self, key: bytes, *, address: str, now: Clock = utc_now) -> None:
        self._key = key
        self._address = address
        self._now = now

    @classmethod
    async def load(cls, keys: Keys, *, address: str, now: Clock = utc_now) -> Self:
        """Return the signer with the deployment's key; the first node that asks makes it."""
        key = await keys.get_or_set(KEY, secrets.token_urlsafe(32))
        return cls(key.encode(), address=address, now=now)

    def sign(self, file: FileId, lasting: timedelta, *, disposition: str = "") -> Link:
        """Return a link that works for `lasting`; `disposition` is as in the content call."""
        expires = int((self._now() + lasting).timestamp())
        query = {"expires": str(expires), "signature": self._signature(file, expires, disposition)}
        if disposition:
            query["disposition"] = disposition
        url = f"{self._address}/v1/files/{file}/content?{urlencode(query)}"
        return Link(url, datetime.fromtimestamp(expires, UTC))

    def check(self, file: FileId, *, expires: int, signature: str, disposition: str = "") -> None:
        """Accept a link that we signed and that has not expired. Raises `NotPermitted`."""
        expected = self._signature(file, expires, disposition)
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            raise NotPermitted("this link is not one of ours; ask for a new one")
        if expires <= self._now().timestamp():
            raise NotPermitted("this link has expired; ask for a new one")

    def _signature(self, file: FileId, expires: int, disposition: str) -> str:
        signed = f"{file}\n{expires}\n{disposition}".encode()
        digest = hmac.new(self._key, signed, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
