"""One XMPP account: a connection that sends, and an archive that is read.

The connection only rings. Every message is taken from the server's archive (XEP-0313) after
the offset that is kept together with the messages, so none is lost or doubled by a lost
connection or a crash.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from typing import ClassVar
from uuid import uuid4
from xml.etree.ElementTree import Element

from slixmpp import JID, ClientXMPP, ElementBase, InvalidJID, Iq
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.errors import ChannelError, WebhookRejected
from chat4all.domain.inbound import Inbound
from chat4all.domain.outgoing import FileRef, Outgoing, Sent
from chat4all.ports.connector import Polled
from chat4all_xmpp import translate as xep
from chat4all_xmpp.config import CAPABILITIES, XmppConfig

BEGINNING = "beginning"
PAGE = 100  # stanzas of one answer of the archive
_STORE = "{urn:xmpp:hints}store"
_COMPOSING = "{http://jabber.org/protocol/chatstates}composing"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

log = logging.getLogger(__name__)


class XmppConnector:
    """Sends as the account and reads its archive; connects when first needed."""

    channel: ClassVar[str] = "xmpp"
    capabilities: ClassVar[Capabilities] = CAPABILITIES

    def __init__(self, config: XmppConfig) -> None:
        self._config, self._wait = config, max(1, round(config.timeout))
        self._client: ClientXMPP | None = None
        self._lock, self._news = asyncio.Lock(), asyncio.Event()
        self._pending: dict[str, ElementBase | None] = {}

    async def send_message(self, message: Outgoing) -> Sent:
        """Send a text; returns once the server has dealt with it."""
        reply = [_tag(xep.REPLY, to=message.address, id=message.reply_to or "")]
        await self._write(message, message.message_id, reply if message.reply_to else [])
        return Sent(external_id=message.message_id)

    async def send_file(self, message: Outgoing, file: FileRef) -> Sent:
        """Refuse: the capabilities name no media."""
        del message, file
        raise ChannelError("media is not carried", retry=False, reason="not_supported")

    def on_webhook_event(self, headers: Mapping[str, str], body: bytes) -> Sequence[Inbound]:
        """Reject: XMPP calls nobody back."""
        del headers, body
        raise WebhookRejected("XMPP has no callbacks")

    async def edit_message(self, message: Outgoing, external_id: str) -> None:
        """Correct a message (XEP-0308)."""
        await self._write(message, str(uuid4()), [_tag(xep.REPLACE, id=external_id)])

    async def delete_message(self, address: str, external_id: str) -> None:
        """Retract a message (XEP-0424)."""
        await self._send(address, [_tag(xep.RETRACT, id=external_id), _tag(_STORE)])

    async def set_reactions(self, address: str, external_id: str, emojis: Sequence[str]) -> None:
        """React (XEP-0444)."""
        reactions = _tag(f"{xep.REACTION}s", id=external_id)
        reactions.extend(_tag(xep.REACTION, one) for one in emojis)
        await self._send(address, [reactions, _tag(_STORE)])

    async def show_typing(self, address: str) -> None:
        """Tell that somebody writes (XEP-0085)."""
        await self._send(address, [_tag(_COMPOSING)])

    async def poll(self, offset: str | None, *, wait: float) -> Polled:
        """Return what the archive holds after `offset`; without one, begin at its end."""
        archive = (await self._online()).plugin["xep_0313"]
        if offset is None:
            end = await self._asked(archive.get_archive_metadata(timeout=self._wait))
            return Polled([], end["mam_metadata"]["end"]["id"] or BEGINNING)
        self._news.clear()
        polled = await self._archived(offset)
        if polled.offset != offset or wait <= 0:
            return polled
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), wait)
        return await self._archived(offset)

    async def whoami(self) -> str:
        """Return the account's address."""
        await self._online()
        return self._config.jid

    def link_instructions(self, code: str, name: str) -> str:
        """Return what to write to the account."""
        return f"Write /start {code} to {name}."

    async def aclose(self) -> None:
        """Say good-bye."""
        client, self._client = self._client, None
        if client is not None:
            await client.disconnect(wait=1.0)
            client.abort()

    async def _write(self, message: Outgoing, name: str, tags: list[Element]) -> None:
        words = message.payload.text or ""
        if message.payload.type not in CAPABILITIES.payloads:
            raise ChannelError("only text is carried", retry=False, reason="not_supported")
        if len(words) > CAPABILITIES.max_text:
            raise ChannelError("the text is too long", retry=False, reason="too_long")
        asks = [_tag(f"{xep.RECEIPTS}request"), _tag(f"{xep.MARKERS}markable")]
        await self._send(message.address, [_tag(f"{xep.CLIENT}body", words), *asks, *tags], name)

    async def _send(self, address: str, tags: list[Element], name: str | None = None) -> None:
        """Send, then ask the server something: it answers in order, so it has the stanza."""
        client = await self._online()
        try:
            to = JID(address)
        except InvalidJID:
            to = JID("")
        if not to.user:
            raise ChannelError("no XMPP address", retry=False, reason="not_found")
        stanza = client.make_message(mto=to, mtype="chat")
        stanza["id"] = name = name or str(uuid4())
        stanza.xml.extend(tags)
        self._pending[name] = None
        stanza.send()
        own = JID(client.boundjid.host)
        try:
            await self._asked(client.plugin["xep_0199"].send_ping(own, timeout=self._wait))
        finally:
            error = self._pending.pop(name)
        if error is not None:
            raise _refusal(error)

    async def _archived(self, offset: str) -> Polled:
        page = {"max": PAGE} if offset == BEGINNING else {"max": PAGE, "after": offset}
        archive = (await self._online()).plugin["xep_0313"]
        try:
            answer = await self._asked(archive.retrieve(rsm=page, timeout=self._wait))
        except ChannelError as error:
            if error.reason != "not_found" or offset == BEGINNING:
                raise
            return Polled([], BEGINNING)  # the place is forgotten: what is left is later
        events = []
        for one in answer["mam"]["results"]:
            result = one.xml.find("{urn:xmpp:mam:2}result")
            offset = result.get("id")
            try:
                event = xep.event_of(result, self._config.jid)
            except WebhookRejected as error:
                log.warning("stanza %s left out: %s", offset, error)
            else:
                events += [event] if event else []
        return Polled(events, offset)

    async def _asked(self, answer: Awaitable[Iq]) -> Iq:
        try:
            return await answer
        except IqError as error:
            raise _refusal(error.iq["error"]) from None
        except IqTimeout:
            if self._client:
                self._client.abort()  # the next call connects anew
            raise _of_account("timeout") from None

    async def _online(self) -> ClientXMPP:
        """Return the client, connected; connect anew when the connection was lost."""
        async with self._lock:
            if self._client is None:
                client, begun = self._new_client(), asyncio.Queue[ChannelError | None]()
                client.add_event_handler("session_start", lambda _: begun.put_nowait(None))
                client.add_event_handler(
                    "failed_all_auth", lambda _: begun.put_nowait(_of_account("unauthorized"))
                )
                host = self._config.host
                client.connect(host, self._config.port if host else None)
                try:
                    failure = await asyncio.wait_for(begun.get(), self._config.timeout)
                except TimeoutError:
                    failure = _of_account("timeout")
                if failure is not None:
                    client.cancel_connection_attempt()
                    client.abort()
                    raise failure
                client.add_event_handler("disconnected", self._lost)
                client.send_presence()
                self._client = client
            return self._client

    def _new_client(self) -> ClientXMPP:
        tls = self._config.tls
        plain = {"feature_mechanisms": {"unencrypted_scram": not tls}}
        password = self._config.password.get_secret_value()
        client = ClientXMPP(self._config.jid, password, plugin_config=plain)
        client.enable_plaintext = not tls
        client.enable_starttls = client.enable_direct_tls = tls
        client.register_plugin("xep_0199")
        client.register_plugin("xep_0313")
        client.register_handler(Callback("rung", MatchXPath(f"{xep.CLIENT}message"), self._rung))
        return client

    def _lost(self, _: object) -> None:
        self._client = None
        self._news.set()

    def _rung(self, message: ElementBase) -> None:
        if message["type"] == "error" and message["id"] in self._pending:
            self._pending[message["id"]] = message["error"]
        self._news.set()


def _tag(name: str, words: str = "", **attributes: str) -> Element:
    tag = Element(name, attributes)
    tag.text = _NOT_XML.sub("\ufffd", words)
    return tag


def _of_account(reason: str) -> ChannelError:
    retry = reason == "timeout"
    words = "the server does not answer" if retry else "the password is refused"
    return ChannelError(words, retry=retry, reason=reason, of_account=True)


def _refusal(error: ElementBase) -> ChannelError:
    condition = str(error["condition"])
    return ChannelError(
        "the server refuses it",
        retry=error["type"] == "wait",
        reason=xep.REASONS.get(condition, "refused"),
        platform_error={"condition": condition},
    )
