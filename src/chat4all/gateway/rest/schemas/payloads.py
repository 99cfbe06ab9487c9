"""What a message carries, one struct per kind, told apart by `type`."""

from __future__ import annotations

from typing import Annotated, cast

import msgspec
from msgspec import Meta, Struct

from chat4all.domain.payload import MAX_TEXT, Payload, PayloadType, text
from chat4all.gateway.rest.schemas.text import NO_NUL, Email, Name, Uuid
from chat4all.services.file_names import MAX_NAME

Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT, extra_json_schema=NO_NUL)]
ShownName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_NAME,
        extra_json_schema=NO_NUL,
        description="The file's name, set by the server whatever is sent.",
    ),
]
Phone = Annotated[str, Meta(min_length=1, max_length=32, extra_json_schema=NO_NUL)]


class _Payload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    def to_domain(self) -> Payload:
        """Return the payload as the services know it."""
        tag = str(self.__struct_config__.tag)
        fields = msgspec.structs.asdict(self)
        if "file_id" in fields:
            fields["file_id"] = fields["file_id"].lower()
        return Payload(type=PayloadType(tag), **fields)


class TextPayload(_Payload, frozen=True, kw_only=True, tag="text"):
    """Words."""

    text: Text

    def to_domain(self) -> Payload:
        """Return the payload as the services know it: most messages are these."""
        return text(self.text)


class ImagePayload(_Payload, frozen=True, kw_only=True, tag="image"):
    """A picture."""

    file_id: Uuid
    caption: Text | None = None
    name: ShownName | None = None


class VideoPayload(_Payload, frozen=True, kw_only=True, tag="video"):
    """A film."""

    file_id: Uuid
    caption: Text | None = None
    name: ShownName | None = None


class AudioPayload(_Payload, frozen=True, kw_only=True, tag="audio"):
    """A recording."""

    file_id: Uuid
    caption: Text | None = None
    name: ShownName | None = None


class DocumentPayload(_Payload, frozen=True, kw_only=True, tag="document"):
    """Any other file."""

    file_id: Uuid
    caption: Text | None = None
    name: ShownName | None = None


class LocationPayload(_Payload, frozen=True, kw_only=True, tag="location"):
    """A place on Earth, in degrees (WGS 84)."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    name: Name | None = None


class ContactPayload(_Payload, frozen=True, kw_only=True, tag="contact"):
    """Somebody's card."""

    name: Name
    phone: Phone | None = None
    email: Email | None = None


Parameter = Annotated[
    str, Meta(min_length=1, max_length=1_024, pattern=r"^[^\t\n\r]+$", extra_json_schema=NO_NUL)
]


class TemplatePayload(_Payload, frozen=True, kw_only=True, tag="template"):
    """A text that a platform approved beforehand, for who has not written lately.

    `parameters` fill its places in order, one line each. `text` is told by the server: how
    the template reads, which is also what goes to those whose channel knows no templates.
    """

    name: Annotated[str, Meta(min_length=1, max_length=512, extra_json_schema=NO_NUL)]
    language: Annotated[str, Meta(pattern=r"^[A-Za-z]{2,3}(_[A-Za-z0-9]{2,8})*$", max_length=32)]
    parameters: Annotated[list[Parameter], Meta(max_length=50)] = []
    text: Annotated[str | None, Meta(extra_json_schema={"readOnly": True})] = None

    def to_domain(self) -> Payload:
        """Return the payload as the services know it, without the text that they find."""
        return Payload(
            type=PayloadType.TEMPLATE,
            name=self.name,
            language=self.language,
            parameters=tuple(self.parameters),
        )


_KINDS: dict[PayloadType, type[_Payload]] = {
    PayloadType.TEXT: TextPayload,
    PayloadType.IMAGE: ImagePayload,
    PayloadType.VIDEO: VideoPayload,
    PayloadType.AUDIO: AudioPayload,
    PayloadType.DOCUMENT: DocumentPayload,
    PayloadType.LOCATION: LocationPayload,
    PayloadType.CONTACT: ContactPayload,
    PayloadType.TEMPLATE: TemplatePayload,
}

AnyPayload = (
    TextPayload
    | ImagePayload
    | VideoPayload
    | AudioPayload
    | DocumentPayload
    | LocationPayload
    | ContactPayload
    | TemplatePayload
)


def shown(payload: Payload) -> AnyPayload:
    """Return `payload` as the API shows it; what a platform let through is not checked again."""
    fields = {name: value for name, value in payload.as_dict().items() if name != "type"}
    return cast("AnyPayload", _KINDS[payload.type](**fields))
