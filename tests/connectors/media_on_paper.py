"""A whole connector that carries files, on paper: the suite passes it, and finds its bugs."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.errors import ChannelError, WebhookRejected
from chat4all.domain.inbound import Attachment, Inbound, IncomingMessage
from chat4all.domain.outgoing import FileRef, Outgoing, Sent
from chat4all.domain.payload import Payload, PayloadType
from chat4all.ports.connector import Connector
from chat4all.testing.connector import ConnectorContract, Features
from chat4all.testing.fake_platform import RETRY_AFTER, Fault

SECRET = "example-secret-of-the-paper"
LARGEST_FETCH = 4 * 1024**2
PIECE = 256 * 1024


class Drawer:
    """The platform: what it took, what it holds, and what goes wrong with it."""

    address = "ana"

    def __init__(self) -> None:
        self.shown: list[tuple[str, bytes, str | None]] = []
        self.held: dict[str, bytes] = {}
        self.fault: Fault | None = None
        self.broken = False

    def taken(self) -> int:
        return len(self.shown)

    def texts(self) -> Sequence[str]:
        return [words for words, _, _ in self.shown]

    def files(self) -> Sequence[tuple[bytes, str | None]]:
        return [(data, caption) for _, data, caption in self.shown]

    def hold(self, data: bytes) -> str:
        self.held[str(len(self.held))] = data
        return str(len(self.held) - 1)

    def hold_too_large(self) -> str | None:
        return self.hold(bytes(LARGEST_FETCH + 1))

    def lose_all(self) -> None:
        self.held.clear()

    def break_off(self) -> None:
        self.broken = True

    async def fail(self, fault: Fault) -> None:
        self.fault = fault

    def check(self) -> None:
        if self.fault is None:
            return
        wait = RETRY_AFTER if self.fault is Fault.RATE_LIMITED else None
        raise ChannelError(
            "paper is out",
            retry=self.fault is not Fault.REFUSED,
            reason="out_of_paper",
            retry_after=wait,
        )


class PaperConnector:
    channel: ClassVar[str] = "paper"
    capabilities: ClassVar[Capabilities] = Capabilities(
        payloads=frozenset({PayloadType.TEXT, PayloadType.IMAGE, PayloadType.DOCUMENT}),
        max_text=1000,
        max_caption=100,
        max_file_bytes={PayloadType.IMAGE: 1024**2, PayloadType.DOCUMENT: 2 * 1024**2},
        media_types={PayloadType.IMAGE: frozenset({"image/png"})},
    )

    def __init__(self, drawer: Drawer) -> None:
        self._drawer = drawer

    async def send_message(self, message: Outgoing) -> Sent:
        words = message.payload.text or ""
        if message.payload.type is not PayloadType.TEXT or len(words) > 1000:
            raise ChannelError("only short texts", retry=False, reason="not_supported")
        self._drawer.check()
        self._drawer.shown.append((words, b"", None))
        return Sent(external_id=message.message_id)

    async def send_file(self, message: Outgoing, file: FileRef) -> Sent:
        kind, caption = message.payload.type, message.payload.caption
        obstacle = self.capabilities.obstacle(kind, size=file.size, mime_type=file.mime_type)
        if obstacle or len(caption or "") > self.capabilities.caption_of(kind):
            raise ChannelError("paper has no room for it", retry=False, reason="too_large")
        self._drawer.check()
        data = b"".join([piece async for piece in file.read()])
        self._drawer.shown.append(("", data, caption))
        return Sent(external_id=message.message_id)

    async def fetch_media(self, reference: str) -> AsyncIterator[bytes]:
        self._drawer.check()
        data = self._drawer.held.get(reference)
        if data is None:
            raise ChannelError("it is gone", retry=False, reason="media_gone")
        if len(data) > LARGEST_FETCH:
            raise ChannelError("it is too large", retry=False, reason="media_too_large")
        for start in range(0, len(data), PIECE):
            yield data[start : start + PIECE]
            if self._drawer.broken:
                raise ChannelError("it broke off", retry=True, reason="network")

    def on_webhook_event(self, headers: Mapping[str, str], body: bytes) -> Sequence[Inbound]:
        expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        given = headers.get("x-paper", "").encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, expected.encode()):
            raise WebhookRejected("not signed")
        try:
            return [_event(json.loads(body))]
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError, OSError):
            raise WebhookRejected("not from paper") from None

    async def aclose(self) -> None:
        """Do nothing."""


def _event(raw: Mapping[str, object]) -> IncomingMessage:
    name, author, at = raw["id"], raw["from"], raw["at"]
    if not (isinstance(name, str) and isinstance(author, str) and type(at) is int):
        raise TypeError("not a picture")
    return IncomingMessage(
        external_id=name,
        address=author,
        author=author,
        author_name=author,
        payload=Payload(type=PayloadType.IMAGE),
        sent_at=datetime.fromtimestamp(at, UTC),
        attachment=Attachment(reference=name, mime_type="image/png"),
    )


class TestPaper(ConnectorContract):
    features = Features()
    payloads = Path(__file__).parent / "payloads"
    secrets = (SECRET,)

    @pytest.fixture
    def platform(self) -> Drawer:
        return Drawer()

    @pytest.fixture
    def connector(self, platform: Drawer) -> Connector:
        return PaperConnector(platform)

    def headers(self, body: bytes) -> Mapping[str, str]:
        return {"x-paper": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}
