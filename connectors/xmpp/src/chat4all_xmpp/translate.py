"""What a `<result/>` of the server's archive (XEP-0313) says, in our words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element

from chat4all.domain import inbound
from chat4all.domain.errors import WebhookRejected
from chat4all.domain.payload import text
from chat4all.domain.status import Failure, Status

CLIENT, RECEIPTS = "{jabber:client}", "{urn:xmpp:receipts}"
MARKERS, STANZAS = "{urn:xmpp:chat-markers:0}", "{urn:ietf:params:xml:ns:xmpp-stanzas}"
REPLACE = "{urn:xmpp:message-correct:0}replace"
REACTION, REPLY = "{urn:xmpp:reactions:0}reaction", "{urn:xmpp:reply:0}reply"
RETRACT = "{urn:xmpp:message-retract:1}retract"
FORWARDED, DELAY = "{urn:xmpp:forward:0}forwarded", "{urn:xmpp:delay}delay"
NICK, FALLBACK = "{http://jabber.org/protocol/nick}nick", "{urn:xmpp:fallback:0}"
LINK = re.compile(r"/start ([\w-]{1,64})")
PROGRESS = {
    f"{RECEIPTS}received": Status.DELIVERED,
    f"{MARKERS}received": Status.DELIVERED,
    f"{MARKERS}displayed": Status.READ,
    f"{MARKERS}acknowledged": Status.READ,
}
REASONS = {
    "item-not-found": "not_found",
    "service-unavailable": "undeliverable",
    "resource-constraint": "rate_limited",
    "blocked": "blocked",
}


def event_of(result: Element, account: str) -> inbound.Inbound | None:
    """Return what was said to `account`, None for its own words. Raises `WebhookRejected`."""
    stanza, delay = result.find(f"{FORWARDED}/{CLIENT}message"), result.find(f"{FORWARDED}/{DELAY}")
    if stanza is None or delay is None:
        raise WebhookRejected("not a message of the archive")
    try:
        at = datetime.fromisoformat(delay.get("stamp", ""))
    except ValueError:
        raise WebhookRejected("a message without its time") from None
    address = stanza.get("from", "").partition("/")[0].lower()
    if at.tzinfo is None or not address:
        raise WebhookRejected("a message without its time or sender")
    if address == account or stanza.get("type") in ("groupchat", "headline"):
        return None
    return _said(stanza, at, str(stanza.get("id") or result.get("id", "")), address)


def _said(stanza: Element, at: datetime, name: str, who: str) -> inbound.Inbound | None:
    if stanza.get("type") == "error":
        failed, error = Status.FAILED, _failure(stanza)
        return inbound.Receipt(external_id=name, address=who, status=failed, at=at, error=error)
    for tag, status in PROGRESS.items():
        if of := _id(stanza, tag):
            return inbound.Receipt(external_id=of, address=who, status=status, at=at)
    by: dict[str, Any] = {"address": who, "author": who}
    if of := _id(stanza, f"{REACTION}s"):
        emojis = tuple(dict.fromkeys(one.text for one in stanza.iter(REACTION) if one.text))
        return inbound.IncomingReaction(external_id=of, emojis=emojis, at=at, **by)
    if of := _id(stanza, RETRACT):
        return inbound.IncomingDeletion(external_id=of, deleted_at=at, **by)
    words = _words(stanza)
    if words and (of := _id(stanza, REPLACE)):
        return inbound.IncomingEdit(external_id=of, payload=text(words), edited_at=at, **by)
    return _message(stanza, at, name, words, by) if words else None


def _message(
    stanza: Element, at: datetime, name: str, words: str, by: Mapping[str, Any]
) -> inbound.IncomingMessage:
    code = LINK.fullmatch(words)
    return inbound.IncomingMessage(
        external_id=name,
        author_name=stanza.findtext(NICK) or by["author"].partition("@")[0],
        payload=text(words),
        sent_at=at,
        reply_to=_id(stanza, REPLY),
        link_code=code[1] if code else None,
        **by,
    )


def _words(stanza: Element) -> str:
    """Return subject, body without what a reply repeats (XEP-0428), and address of a file."""
    words = stanza.findtext(f"{CLIENT}body") or ""
    quote = stanza.find(f"{FALLBACK}fallback[@for='urn:xmpp:reply:0']/{FALLBACK}body")
    if quote is not None:
        start, end = quote.get("start", "0"), quote.get("end", "")
        if re.fullmatch("[0-9]{1,6} [0-9]{1,6}", f"{start} {end}"):
            words = words[: int(start)] + words[int(end) :]
    url = stanza.findtext("{jabber:x:oob}x/{jabber:x:oob}url") or ""
    told = (stanza.findtext(f"{CLIENT}subject"), words, "" if url in words else url)
    return "\n".join(filter(None, told))


def _failure(stanza: Element) -> Failure:
    """Return why the server sent a message back (RFC 6120, section 8.3)."""
    told = [one.tag.rpartition("}")[2] for one in stanza.iterfind(f"{CLIENT}error/*")]
    reason = next((REASONS[one] for one in reversed(told) if one in REASONS), "refused")
    words = stanza.findtext(f"{CLIENT}error/{STANZAS}text") or "the server sent it back"
    conditions = [one for one in told if one != "text"]
    return Failure(code=reason, text=words.strip(), platform_error={"conditions": conditions})


def _id(stanza: Element, tag: str) -> str | None:
    found = stanza.find(tag)
    return None if found is None else found.get("id") or None
