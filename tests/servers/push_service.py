"""A push service for one browser, on 127.0.0.1: it keeps what the browser could read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chat4all.adapters.webpush.encryption import base64url
from chat4all.domain.ids import UserId
from chat4all.domain.push import PushSubscription, subscription_id
from chat4all.ports.push import PushResult
from chat4all.testing.push_sender import Seen

STATUS = {
    PushResult.TAKEN: "201 Created",
    PushResult.GONE: "410 Gone",
    PushResult.LATER: "503 Not Now",
    PushResult.REFUSED: "403 Forbidden",
}


class Browser:
    """The half of a browser that holds the private key. https://www.rfc-editor.org/rfc/rfc8291."""

    def __init__(self, number: int = 4711, auth: bytes = bytes(range(16))) -> None:
        self._key = ec.derive_private_key(number, ec.SECP256R1())
        self._auth = auth

    @property
    def keys(self) -> Mapping[str, str]:
        """Return what `toJSON()` gives as `keys`."""
        return {"p256dh": base64url(self._public), "auth": base64url(self._auth)}

    @property
    def _public(self) -> bytes:
        return self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def read(self, body: bytes) -> bytes:
        """Decrypt one push, which has to be one record."""
        salt, size, theirs = body[:16], int.from_bytes(body[16:20], "big"), body[21:86]
        assert body[20] == 65
        assert len(body) - 86 <= size
        sender = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
        info = b"WebPush: info\0" + self._public + theirs
        secret = _hkdf(self._key.exchange(ec.ECDH(), sender), self._auth, info, 32)
        key = _hkdf(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _hkdf(secret, salt, b"Content-Encoding: nonce\0", 12)
        padded = AESGCM(key).decrypt(nonce, body[86:], None).rstrip(b"\0")
        assert padded[-1:] == b"\x02"
        return padded[:-1]


class LocalPushService:
    """Takes pushes for one browser; see `PushService` of `chat4all.testing`."""

    def __init__(self) -> None:
        self._browser = Browser()
        self._answer = (PushResult.TAKEN, "")
        self._bodies: list[bytes] = []
        self.headers: list[Mapping[str, str]] = []
        self.url = ""

    @asynccontextmanager
    async def on(self) -> AsyncIterator[LocalPushService]:
        """Listen until the block ends."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/push/1"
            yield self

    @property
    def device(self) -> PushSubscription:
        """Return the browser."""
        return PushSubscription(
            id=subscription_id(self.url),
            user_id=UserId("ana"),
            endpoint=self.url,
            keys=self._browser.keys,
            created_at=datetime.now(UTC),
            updated_at=datetime.now(UTC),
            registered_at=datetime.now(UTC),
        )

    @property
    def unusable(self) -> PushSubscription:
        """Return a browser without keys."""
        return replace(self.device, keys={})

    def answer(self, result: PushResult, *, retry_after: float | None = None) -> None:
        """Have it answer so from now on."""
        self._answer = (
            result,
            "" if retry_after is None else f"Retry-After: {retry_after:.0f}\r\n",
        )

    async def received(self) -> Sequence[Seen]:
        """Return what the browser could read, in order."""
        return [seen_in(self._browser.read(one)) for one in self._bodies]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = [one.partition(": ") for one in head.splitlines()[1:] if one]
        headers = {name.lower(): value for name, _, value in lines}
        body = await reader.readexactly(int(headers["content-length"]))
        result, more = self._answer
        if result is PushResult.TAKEN:
            self._bodies.append(body)
            self.headers.append(headers)
        said = f"HTTP/1.1 {STATUS[result]}\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n"
        writer.write(said.encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()


def seen_in(body: str | bytes) -> Seen:
    """Return what a browser makes of a push."""
    said: dict[str, Any] = json.loads(body)
    title, text, unread = said.pop("title"), said.pop("body"), said.pop("unread", None)
    data = {name: str(value) for name, value in said.items()}
    return Seen(title=title, text=text, unread=unread, data=data)


def _hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)
