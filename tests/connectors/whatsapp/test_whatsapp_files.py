"""What is WhatsApp's own about files: where they are fetched from, and what is checked."""

from __future__ import annotations

import hashlib

import httpx
import pytest

from chat4all.connectors.whatsapp.media import checksum_of
from chat4all.domain.errors import ChannelError
from chat4all.testing.listening import Receive, Scope, Send, listening
from tests.connectors.whatsapp.test_whatsapp_connector import TOKEN, whatsapp


class Liar:
    """A Graph API that says what it is told, and keeps the headers that it sees."""

    def __init__(self, url: str, sha256: str | None = None) -> None:
        self.answer = {"url": url, "sha256": sha256, "id": "1"}
        self.tokens: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        headers = dict(scope["headers"])
        self.tokens.append(headers.get(b"authorization", b"").decode())
        body = b"bytes"
        if "file" not in scope["path"]:
            body = httpx.Response(200, json=self.answer).content
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize(
    "host", ["http://127.0.0.1:{port}/file", "https://evilfbsbx.com/file", "http://fbsbx.com/file"]
)
async def test_the_token_is_shown_to_metas_hosts_only(host: str) -> None:
    elsewhere = Liar("")
    async with listening(elsewhere, host="127.0.0.1", port=0, before_stop=lambda: None) as other:
        liar = Liar(host.format(port=httpx.URL(other).port))
        async with listening(liar, host="127.0.0.1", port=0, before_stop=lambda: None) as url:
            connector = whatsapp(url)
            try:
                with pytest.raises(ChannelError) as refused:
                    [piece async for piece in connector.fetch_media("1")]
            finally:
                await connector.aclose()
    assert (refused.value.retry, refused.value.reason) == (False, "unreadable_answer")
    assert elsewhere.tokens == []
    assert TOKEN not in str(refused.value)


async def test_bytes_that_are_not_those_of_the_digest_are_no_file() -> None:
    liar = Liar("", sha256="0" * 64)
    async with listening(liar, host="127.0.0.1", port=0, before_stop=lambda: None) as url:
        liar.answer["url"] = f"{url}/file"
        connector = whatsapp(url)
        try:
            with pytest.raises(ChannelError) as damaged:
                [piece async for piece in connector.fetch_media("1")]
            liar.answer["sha256"] = hashlib.sha256(b"bytes").hexdigest()
            assert [piece async for piece in connector.fetch_media("1")] == [b"bytes"]
        finally:
            await connector.aclose()
    assert (damaged.value.retry, damaged.value.reason) == (True, "media_damaged")


@pytest.mark.parametrize(
    ("told", "checksum"),
    [
        ("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", True),
        (hashlib.sha256(b"").hexdigest(), True),
        ("nonsense", False),
        ("é", False),
        (7, False),
        (None, False),
    ],
)
def test_a_digest_is_read_in_either_form(told: object, checksum: bool) -> None:  # noqa: FBT001 - a table
    expected = f"sha256:{hashlib.sha256(b'').hexdigest()}"
    assert checksum_of(told) == (expected if checksum else None)
