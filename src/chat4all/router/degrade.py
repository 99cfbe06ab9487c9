"""Fits a payload into what a channel can carry, and says what was changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.payload import MEDIA, Payload, PayloadType, text


@dataclass(frozen=True, slots=True)
class Fitted:
    """What to send, in order, and a note for the status history when it differs."""

    parts: tuple[Payload, ...]
    note: str | None = None


def fit(payload: Payload, capabilities: Capabilities, *, prefix: str = "") -> Fitted:
    """Return `payload` as the channel can carry it; `prefix` leads the text.

    A location becomes text with a map link, a contact its lines, media a line that names
    it, and a text that is too long several messages.
    """
    note = None
    if payload.type not in capabilities.payloads:
        note = f"{payload.type.value} sent as text"
        payload = text(_as_text(payload))
    if payload.type is not PayloadType.TEXT:
        # Before a template nothing else may be sent where nothing else is taken.
        alone = payload.type is PayloadType.TEMPLATE or not prefix
        introduction = () if alone else (text(prefix.rstrip(": \n") + ":"),)
        return Fitted((*introduction, payload), note)
    chunks = _split(prefix + (payload.text or ""), capabilities.max_text)
    if len(chunks) > 1:
        note = "; ".join(filter(None, (note, f"sent in {len(chunks)} parts")))
    return Fitted(tuple(replace(payload, text=chunk) for chunk in chunks), note)


def _as_text(payload: Payload) -> str:
    if payload.type is PayloadType.LOCATION:
        link = f"https://www.openstreetmap.org/?mlat={payload.latitude}&mlon={payload.longitude}"
        return f"{payload.name}\n{link}" if payload.name else link
    if payload.type is PayloadType.CONTACT:
        return "\n".join(filter(None, (payload.name, payload.phone, payload.email)))
    if payload.type is PayloadType.TEMPLATE:
        return payload.text or ""
    if payload.type in MEDIA:
        return f"[{payload.type.value}] {payload.caption or ''}".rstrip()
    return payload.words


def _split(words: str, limit: int) -> list[str]:
    """Cut at line ends or spaces where there are any near the limit."""
    chunks = []
    while len(words) > limit:
        cut = max(words.rfind("\n", limit // 2, limit), words.rfind(" ", limit // 2, limit))
        cut = cut if cut > 0 else limit
        chunks.append(words[:cut])
        words = words[cut:].lstrip(" \n")
    return [*chunks, words] if words or not chunks else chunks
