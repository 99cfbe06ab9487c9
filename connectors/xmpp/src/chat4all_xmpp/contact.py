"""Somebody with an XMPP client of their own, for tests: slixmpp without anything of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from xml.etree.ElementTree import Element

from slixmpp import ClientXMPP, ElementBase
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath


class Contact:
    """A client that confirms what it gets (XEP-0184) and keeps it, oldest first."""

    def __init__(self, jid: str, password: str) -> None:
        plugins = {"feature_mechanisms": {"unencrypted_scram": True}}
        self.client = ClientXMPP(jid, password, plugin_config=plugins)
        self.client.enable_plaintext = True
        self.client.enable_starttls = self.client.enable_direct_tls = False
        for plugin in ("xep_0184", "xep_0191", "xep_0308", "xep_0333", "xep_0444", "xep_0461"):
            self.client.register_plugin(plugin)
        every = MatchXPath("{jabber:client}message")
        self.client.register_handler(Callback("keep", every, self._keep))
        self.inbox: list[ElementBase] = []
        self.changed = asyncio.Condition()
        self._waking: set[asyncio.Task[None]] = set()

    @property
    def texts(self) -> list[str]:
        """Return what was written to them, without corrections."""
        return [one["body"] for one in self.inbox if one["body"] and not one["replace"]["id"]]

    async def got(self, words: str, *, seconds: float = 20.0) -> ElementBase:
        """Wait for a message whose body is `words`."""
        async with asyncio.timeout(seconds), self.changed:
            while True:
                for one in self.inbox:
                    if one["body"] == words:
                        return one
                await self.changed.wait()

    def write(self, to: str, words: str, *tags: Element) -> str:
        """Write; return the id of the message."""
        message = self.client.make_message(mto=to, mbody=words, mtype="chat")
        message["request_receipt"] = True
        message.xml.extend(tags)
        message.send()
        return str(message["id"])

    def _keep(self, message: ElementBase) -> None:
        self.inbox.append(message)
        waking = asyncio.create_task(self._wake())
        self._waking.add(waking)
        waking.add_done_callback(self._waking.discard)

    async def _wake(self) -> None:
        async with self.changed:
            self.changed.notify_all()


@asynccontextmanager
async def connected(name: str, password: str, port: int) -> AsyncIterator[Contact]:
    """Connect somebody until the block ends."""
    contact = Contact(f"{name}@localhost", password)
    begun = asyncio.Event()
    contact.client.add_event_handler("session_start", lambda _: begun.set(), disposable=True)
    contact.client.connect("127.0.0.1", port)
    try:
        await asyncio.wait_for(begun.wait(), 20.0)
        contact.client.send_presence()
        yield contact
    finally:
        contact.client.cancel_connection_attempt()
        await contact.client.disconnect(wait=1.0)
        contact.client.abort()
