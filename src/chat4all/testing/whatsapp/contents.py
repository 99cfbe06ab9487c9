"""What a business may send: the checks of the API, and what a phone shows of it.

https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages
"""

from __future__ import annotations

from typing import Any

from chat4all.testing.whatsapp import templates
from chat4all.testing.whatsapp.errors import GraphError
from chat4all.testing.whatsapp.model import Json, Number

LONGEST_TEXT = 4096
MEDIA = frozenset({"image", "video", "audio", "document", "sticker"})
KINDS = MEDIA | {"text", "location", "contacts", "reaction", "template", "interactive"}


def checked(number: Number, kind: str, content: Any) -> Any:
    """Return what a phone gets of `content`. Raises `GraphError` as WhatsApp refuses it."""
    if kind not in KINDS:
        raise GraphError(131051, f"Type {kind} is not supported.")
    if content is None:
        raise GraphError(100, f"The parameter {kind} is required.")
    if kind == "contacts":
        return _contacts(content)
    if not isinstance(content, dict):
        raise GraphError(100, f"Param {kind} must be a JSON object.")
    if kind == "template":
        return {**content, "shown": templates.shown(number.templates, content)}
    _check(kind, content)
    return content


def _check(kind: str, content: Json) -> None:
    if kind == "text":
        body = _text(content, "body", of="text")
        if len(body) > LONGEST_TEXT:
            raise GraphError(100, f"Param text['body'] must be at most {LONGEST_TEXT} characters.")
    elif kind == "reaction":
        _text(content, "message_id", of="reaction")
    elif kind == "location":
        _degrees(content, "latitude", 90)
        _degrees(content, "longitude", 180)
    elif kind in MEDIA and not (content.get("id") or content.get("link")):
        raise GraphError(100, f"Param {kind} needs an id or a link.")


def _text(content: Json, key: str, *, of: str) -> str:
    value = content.get(key)
    if not isinstance(value, str) or not value.strip():
        raise GraphError(100, f"The parameter {of}['{key}'] is required.")
    return value


def _degrees(content: Json, key: str, most: int) -> None:
    try:
        value = float(content[key])
    except (KeyError, TypeError, ValueError) as error:
        raise GraphError(131009, f"location['{key}'] is not a number.") from error
    if not abs(value) <= most:
        raise GraphError(131009, f"location['{key}'] is out of range.")


def _contacts(content: Any) -> list[Json]:
    cards = content if isinstance(content, list) else []
    if not cards:
        raise GraphError(100, "Param contacts must be a JSON array with a contact.")
    for card in cards:
        name = card.get("name") if isinstance(card, dict) else None
        if not isinstance(name, dict) or not name.get("formatted_name") or len(name) < 2:
            raise GraphError(131009, "A contact's name needs formatted_name and one part more.")
    return cards
