"""A raw XMPP client: it signs in by SASL PLAIN on a plain connection, and then only messages.

It costs so little that the server is the limit. https://www.rfc-editor.org/rfc/rfc6120
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable
from time import perf_counter
from typing import cast
from xml.sax.saxutils import escape

SIGN_IN_SECONDS = 30.0
_ID = re.compile(rb"\sid=['\"]([^'\"]*)")
_ERROR = re.compile(rb"\stype=['\"]error['\"]")
_END = b"</message>"
Heard = Callable[[str, bool, float], None]
"""Called with a message's id, whether it is a refusal, and the moment it was complete."""


class Messages:
    """Cuts a stream into its messages, and leaves out what else is said."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[str, bool]]:
        """Return id of every message that is complete, and whether it is an error."""
        *complete, self._rest = (self._rest + data).split(_END)
        found = []
        for one in complete:
            head = one[one.rfind(b"<message") :].partition(b">")[0]
            said = _ID.search(head)
            found.append((said[1].decode() if said else "", _ERROR.search(head) is not None))
        return found


def message(to: str, name: str, text: str) -> bytes:
    """Return what somebody says to an address, with an id."""
    body = escape(text)
    return f"<message to='{to}' type='chat' id='{name}'><body>{body}</body></message>".encode()


class XmppClient(asyncio.Protocol):
    """One account's connection; `heard` is told of every message that comes."""

    def __init__(self, name: str, domain: str, heard: Heard) -> None:
        self._name, self._domain, self._heard = name, domain, heard
        self._messages = Messages()
        self._said = b""
        self._mark = b""
        self._reached: asyncio.Future[None] | None = None
        self.lost = False

    async def connect(self, host: str, port: int, password: str) -> None:
        """Connect, sign in, and be there for messages."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, host, port)
        stream = (
            f"<?xml version='1.0'?><stream:stream to='{self._domain}' version='1.0' "
            "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
        )
        plain = base64.b64encode(f"\0{self._name}\0{password}".encode()).decode()
        async with asyncio.timeout(SIGN_IN_SECONDS):
            await self._ask(stream, "</stream:features>")
            await self._ask(
                f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>",
                "<success",
            )
            await self._ask(stream, "</stream:features>")
            await self._ask(
                "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                "<resource>bench</resource></bind></iq>",
                "</iq>",
            )
            await self._ask("<presence id='here'/>", "<presence")

    def send(self, raw: bytes) -> None:
        """Send a stanza."""
        self._transport.write(raw)

    def close(self) -> None:
        """End the connection."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)  # TCP has no other kind

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self.lost = True
        if self._reached is not None and not self._reached.done():
            told = self._said[-300:].decode(errors="replace")
            self._reached.set_exception(exc or ConnectionError(f"ended after {told!r}"))

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._reached is None:
            now = perf_counter()
            for name, refused in self._messages.feed(data):
                self._heard(name, refused, now)
            return
        self._said += data
        if self._mark in self._said and not self._reached.done():
            self._reached.set_result(None)

    async def _ask(self, stanza: str, mark: str) -> None:
        """Send something, and return when `mark` was answered."""
        self._said, self._mark = b"", mark.encode()
        self._reached = asyncio.get_running_loop().create_future()
        self.send(stanza.encode())
        try:
            await self._reached
        finally:
            self._reached = None
