"""What a message carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from chat4all.domain.errors import InvalidInput

MAX_TEXT = 16_384
"""Characters of one text or caption that Chat4All keeps; a channel may carry less."""


class PayloadType(StrEnum):
    """The kinds of content of DESIGN: one word per kind, the same on every API."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"
    LOCATION = "location"
    CONTACT = "contact"
    TEMPLATE = "template"


MEDIA = frozenset({PayloadType.IMAGE, PayloadType.VIDEO, PayloadType.AUDIO, PayloadType.DOCUMENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The content of one message; which fields are set follows from `type`.

    text: `text`. Media: `file_id`, `name` (the file's, set when the message is accepted) and
    perhaps `caption`. location: `latitude`, `longitude` in degrees (WGS 84) and perhaps
    `name`. contact: `name`, `phone`, `email`.
    template: `name` and `language` of a text that the platform has approved, `parameters`
    in the order of its places, and `text`, which is how it reads when they are filled in.
    """

    type: PayloadType
    text: str | None = None
    file_id: str | None = None
    caption: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    language: str | None = None
    parameters: tuple[str, ...] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object of the API: only the fields that are set."""
        if self.type is PayloadType.TEXT:
            return {"type": "text", "text": self.text}
        return {name: getattr(self, name) for name in _FIELDS if getattr(self, name) is not None}

    @property
    def words(self) -> str:
        """Return what a search should find this payload by."""
        parts = (self.text, self.caption, self.name)
        return " ".join(part for part in parts if part)


_FIELDS = tuple(field.name for field in fields(Payload))

_REQUIRED: dict[PayloadType, tuple[str, ...]] = {
    PayloadType.TEXT: ("text",),
    PayloadType.IMAGE: ("file_id",),
    PayloadType.VIDEO: ("file_id",),
    PayloadType.AUDIO: ("file_id",),
    PayloadType.DOCUMENT: ("file_id",),
    PayloadType.LOCATION: ("latitude", "longitude"),
    PayloadType.CONTACT: ("name",),
    PayloadType.TEMPLATE: ("name", "language", "parameters"),
}


def text(words: str) -> Payload:
    """Return a text payload."""
    return Payload(type=PayloadType.TEXT, text=words)


def payload_from(raw: Mapping[str, Any]) -> Payload:
    """Return the payload that `raw`, the JSON object of the API, describes.

    Checks presence, not types: the edges check those. Raises `InvalidInput`.
    """
    try:
        kind = PayloadType(raw.get("type", ""))
    except ValueError as error:
        allowed = ", ".join(PayloadType)
        raise InvalidInput(
            f"unknown payload type; use one of {allowed}", [("/payload/type", "unknown type")]
        ) from error
    for name in _REQUIRED[kind]:
        if raw.get(name) is None:
            raise InvalidInput(
                f"a {kind} payload needs `{name}`", [(f"/payload/{name}", "required")]
            )
    fields = {**raw, "type": kind}
    if kind is PayloadType.TEMPLATE:
        fields["parameters"] = tuple(raw["parameters"])
    return Payload(**fields)
