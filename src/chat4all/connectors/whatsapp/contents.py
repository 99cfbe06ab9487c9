"""What one message of WhatsApp carries, as our payload.

What is not carried comes as a text that names it, and so does what cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chat4all.connectors.whatsapp.media import checksum_of
from chat4all.domain.inbound import Attachment
from chat4all.domain.payload import Payload, PayloadType, text

Json = Mapping[str, Any]

UNSUPPORTED = "[unsupported message]"
_MEDIA = {
    "image": (PayloadType.IMAGE, "image/jpeg"),
    "video": (PayloadType.VIDEO, "video/mp4"),
    "audio": (PayloadType.AUDIO, "audio/ogg"),
    "document": (PayloadType.DOCUMENT, "application/octet-stream"),
    "sticker": (PayloadType.IMAGE, "image/webp"),
}
"""What they are to us, and their type where nothing is said."""
_REPLIES = ("button_reply", "list_reply")


def text_at(raw: Json, *path: str) -> str | None:
    """Return the text at a path of keys; None where there is none, or it is empty."""
    value: object = raw
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value else None


def payload_of(raw: Json) -> Payload:
    """Return what a message, or the content of an edit, carries."""
    kind = raw.get("type")
    if kind == "location":
        return _location(raw) or text(UNSUPPORTED)
    if kind == "contacts":
        return _contacts(raw)
    if (media := _media(raw)) is not None:
        return Payload(type=media[0], caption=text_at(raw, str(kind), "caption"))
    return text(_words(raw, kind))


def attachment_of(raw: Json) -> Attachment | None:
    """Return the file of a message."""
    media = _media(raw)
    if media is None:
        return None
    kind = str(raw["type"])
    about = raw[kind]
    size = about.get("file_size")
    return Attachment(
        reference=about["id"],
        mime_type=text_at(about, "mime_type") or media[1],
        name=text_at(about, "filename"),
        size=size if isinstance(size, int) and not isinstance(size, bool) else None,
        checksum=checksum_of(about.get("sha256")),
    )


def _media(raw: Json) -> tuple[PayloadType, str] | None:
    """Return which kind of file a message has; one without an id has none to be had."""
    kind = raw.get("type")
    if not isinstance(kind, str) or kind not in _MEDIA or text_at(raw, kind, "id") is None:
        return None
    return _MEDIA[kind]


def _words(raw: Json, kind: object) -> str:
    words: str | None
    match kind:
        case "text":
            words = text_at(raw, "text", "body")
        case "button":
            words = text_at(raw, "button", "text") or text_at(raw, "button", "payload")
        case "interactive":
            words = _chosen(raw)
        case "system":
            words = text_at(raw, "system", "body")
            words = f"[{words}]" if words else None
        case "order":
            words = _order(raw)
        case str() if kind in _MEDIA:
            caption = text_at(raw, kind, "caption")
            words = f"[{kind}] {caption}" if caption else f"[{kind}]"
        case _:
            words = None
    return words or UNSUPPORTED


def _chosen(raw: Json) -> str | None:
    """Return what somebody chose of our buttons or list, or the answer to a form of ours."""
    for kind in _REPLIES:
        if title := text_at(raw, "interactive", kind, "title"):
            return title
    return text_at(raw, "interactive", "nfm_reply", "body")


def _order(raw: Json) -> str:
    order = raw.get("order")
    items = order.get("product_items") if isinstance(order, dict) else None
    count = len(items) if isinstance(items, list) else 0
    label = f"[order of {count} product{'' if count == 1 else 's'}]"
    note = text_at(raw, "order", "text")
    return f"{label} {note}" if note else label


def _location(raw: Json) -> Payload | None:
    place = raw.get("location")
    if not isinstance(place, dict):
        return None
    latitude = _degrees(place.get("latitude"), most=90)
    longitude = _degrees(place.get("longitude"), most=180)
    if latitude is None or longitude is None:
        return None
    return Payload(
        type=PayloadType.LOCATION,
        latitude=latitude,
        longitude=longitude,
        name=text_at(place, "name") or text_at(place, "address"),
    )


def _degrees(value: object, *, most: int) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= most else None  # NaN is not


def _contacts(raw: Json) -> Payload:
    """Return the one contact, or a text with them all: a payload has one."""
    cards = raw.get("contacts")
    contacts = [one for one in cards if isinstance(one, dict)] if isinstance(cards, list) else []
    if len(contacts) == 1:
        return _contact(contacts[0])
    lines = [" ".join(filter(None, (one.name, one.phone))) for one in map(_contact, contacts)]
    return text("\n".join(["[contacts]", *lines]) if lines else UNSUPPORTED)


def _contact(card: Json) -> Payload:
    phone = _first(card, "phones", "phone") or _first(card, "phones", "wa_id")
    email = _first(card, "emails", "email")
    name = text_at(card, "name", "formatted_name") or text_at(card, "name", "first_name")
    return Payload(
        type=PayloadType.CONTACT, name=name or phone or email or "?", phone=phone, email=email
    )


def _first(card: Json, group: str, key: str) -> str | None:
    entries = card.get(group)
    rows = [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
    return next((found for one in rows if (found := text_at(one, key))), None)
