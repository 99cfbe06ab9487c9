"""What a `<result/>` of the server's archive (XEP-0313) says, in our words."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element

from chat4all.domain import inbound
from chat4all.domain.errors import WebhookRejected
from chat4all.domain.payload import text
from chat4all.domain.status import Failure, Status

CLIENT, RECEIPTS = "{jabber:client}", "{urn:xmpp:receipts}"
MARKERS = "{urn:xmpp:chat-markers:0}"
REPLACE = "{urn:xmpp:message-correct:0}replace"
REACTION, REPLY = "{urn:xmpp:reactions:0}reaction", "{urn:xmpp:reply:0}reply"
RETRACT = "{urn:xmpp:message-retract:1}retract"
_NICK, _FALLBACK = "{http://jabber.org/protocol/nick}nick", "{urn:xmpp:fallback:0}"
_LINK = re.compile(r"/start ([\w-]{1,64})")
_PROGRESS = {
    f"{RECEIPTS}received": Status.DELIVERED,
    f"{MARKERS}received": Status.DELIVERED,
    f"{MARKERS}displayed": Status.READ,
}


def event_of(result: Element, account: str) -> inbound.Inbound | None:
    """Return what was said to `account`, None for its own words. Raises `WebhookRejected`."""
    stanza, delay = result.find(f".//{CLIENT}message"), result.find(".//{urn:xmpp:delay}delay")
    if stanza is None or delay is None:
        raise WebhookRejected("not a message of the archive")
    try:
        at = datetime.fromisoformat(delay.get("stamp", ""))
    except ValueError:
        raise WebhookRejected("a message without its time") from None
    address = stanza.get("from", "").partition("/")[0].lower()
    if at.tzinfo is None or not address:
        raise WebhookRejected("a message without its time or sender")
    if address == account:
        return None
    return _said(stanza, address, at, str(stanza.get("id") or result.get("id", "")))


def _said(stanza: Element, who: str, at: datetime, name: str) -> inbound.Inbound | None:
    if stanza.get("type") == "error":
        error = Failure(code="refused", text="the server sent it back")
        return inbound.Receipt(
            external_id=name, address=who, status=Status.FAILED, at=at, error=error
        )
    for tag, status in _PROGRESS.items():
        if of := _id(stanza, tag):
            return inbound.Receipt(external_id=of, address=who, status=status, at=at)
    by = {"address": who, "author": who}
    if of := _id(stanza, f"{REACTION}s"):
        emojis = tuple(one.text for one in stanza.iter(REACTION) if one.text)
        return inbound.IncomingReaction(external_id=of, emojis=emojis, at=at, **by)
    if of := _id(stanza, RETRACT):
        return inbound.IncomingDeletion(external_id=of, deleted_at=at, **by)
    return _written(stanza, _words(stanza), at, name, by)


def _written(
    stanza: Element, words: str, at: datetime, name: str, by: dict[str, Any]
) -> inbound.Inbound | None:
    if not words:
        return None
    if of := _id(stanza, REPLACE):
        return inbound.IncomingEdit(external_id=of, payload=text(words), edited_at=at, **by)
    code = _LINK.fullmatch(words)
    return inbound.IncomingMessage(
        external_id=name,
        author_name=stanza.findtext(_NICK) or by["author"].partition("@")[0],
        payload=text(words),
        sent_at=at,
        reply_to=_id(stanza, REPLY),
        link_code=code[1] if code else None,
        **by,
    )


def _words(stanza: Element) -> str:
    """Return the body without the quote that a reply repeats (XEP-0461, XEP-0428)."""
    words = stanza.findtext(f"{CLIENT}body") or ""
    quote = stanza.find(f"{_FALLBACK}fallback[@for='urn:xmpp:reply:0']/{_FALLBACK}body")
    end = "" if quote is None else quote.get("end", "")
    return words[int(end) :] if re.fullmatch("[0-9]{1,6}", end) else words


def _id(stanza: Element, tag: str) -> str | None:
    found = stanza.find(tag)
    return None if found is None else found.get("id") or None
