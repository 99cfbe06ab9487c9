"""Fits a payload into what a channel can carry, and says what was changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chat4all.domain.capabilities import Capabilities, megabytes
from chat4all.domain.outgoing import FileRef
from chat4all.domain.payload import MEDIA, Payload, PayloadType, text
from chat4all.router.enclosures import Enclosed
from chat4all.services.delivery_plan import FileForm


@dataclass(frozen=True, slots=True)
class Fitted:
    """What to send, in order, and a note for the status history when it differs."""

    parts: tuple[Payload, ...]
    note: str | None = None
    file_as: FileForm | None = None


def fit(
    payload: Payload,
    capabilities: Capabilities,
    *,
    prefix: str = "",
    file: Enclosed | None = None,
) -> Fitted:
    """Return `payload` as the channel can carry it; `prefix` leads the text.

    A location becomes text with a map link, a contact its lines, a text that is too long
    several messages. A file that the channel does not take goes as a document or as a link,
    and one that is not to be had is named with the reason; its `file` says what it is.
    """
    if file is not None:
        return _fit_file(payload, capabilities, prefix, file)
    note = None
    if payload.type not in capabilities.payloads:
        note = f"{payload.type.value} sent as text"
        payload = text(_as_text(payload))
    if payload.type is not PayloadType.TEXT:
        # Before a template nothing else may be sent where nothing else is taken.
        alone = payload.type is PayloadType.TEMPLATE or not prefix
        introduction = () if alone else (text(prefix.rstrip(": \n") + ":"),)
        return Fitted((*introduction, payload), note)
    return _texts(prefix + (payload.text or ""), capabilities, note)


def fit_edit(
    payload: Payload,
    capabilities: Capabilities,
    *,
    prefix: str = "",
    file: Enclosed | None = None,
) -> Payload:
    """Return what replaces a sent message: its first part, a caption that is too long cut."""
    first = fit(payload, capabilities, prefix=prefix, file=file).parts[0]
    if first.type in MEDIA and payload.caption and first.caption is None:
        room = capabilities.caption_of(first.type)
        words = f"{prefix}{payload.caption}"[: max(room - 1, 0)]
        return replace(first, caption=f"{words}…" if words else None)
    return first


def _fit_file(payload: Payload, capabilities: Capabilities, prefix: str, file: Enclosed) -> Fitted:
    if file.ref is None:
        words = _lines(f"[{payload.type.value}: {file.reason}]", payload.caption)
        fitted = _texts(prefix + words, capabilities, f"{payload.type.value} sent as text")
        return replace(fitted, file_as=FileForm.WORDS)
    kind, why = _carried_as(payload.type, file.ref, capabilities)
    if kind is None or file.reason is not None:
        words = _lines(f"{file.ref.name} ({megabytes(file.ref.size)})", file.ref.url)
        words = prefix + _lines(words, payload.caption)
        fitted = _texts(words, capabilities, f"file sent as a link: {file.reason or why}")
        return replace(fitted, file_as=FileForm.LINK)
    form = FileForm.FILE if kind is payload.type else FileForm.DOCUMENT
    return replace(_captioned(payload, capabilities, prefix, kind, why), file_as=form)


def _captioned(
    payload: Payload, capabilities: Capabilities, prefix: str, kind: PayloadType, why: str | None
) -> Fitted:
    """Return a file that goes as `kind`, with its words where the channel takes them."""
    note = f"sent as a document: {why}" if why is not None else None
    caption = prefix + payload.caption if payload.caption else prefix.rstrip(": \n") + ":"
    if not prefix and not payload.caption:
        return Fitted((replace(payload, type=kind, caption=None),), note)
    if len(caption) <= capabilities.caption_of(kind):
        return Fitted((replace(payload, type=kind, caption=caption),), note)
    bare = replace(payload, type=kind, caption=None)
    if not payload.caption:
        return Fitted((text(caption), bare), note)
    rest = _texts(caption, capabilities, "caption sent as a text of its own")
    return Fitted((bare, *rest.parts), _notes(note, rest.note))


def _carried_as(
    kind: PayloadType, file: FileRef, capabilities: Capabilities
) -> tuple[PayloadType | None, str | None]:
    """Return the kind that the channel takes a file as, and why it is not its own."""
    why = capabilities.obstacle(kind, size=file.size, mime_type=file.mime_type)
    if why is None:
        return kind, None
    if PayloadType.DOCUMENT not in capabilities.payloads:
        return None, why
    document = PayloadType.DOCUMENT
    obstacle = capabilities.obstacle(document, size=file.size, mime_type=file.mime_type)
    return (document, why) if obstacle is None else (None, obstacle)


def _texts(words: str, capabilities: Capabilities, note: str | None) -> Fitted:
    chunks = _split(words, capabilities.max_text)
    if len(chunks) > 1:
        note = _notes(note, f"sent in {len(chunks)} parts")
    return Fitted(tuple(text(chunk) for chunk in chunks), note)


def _notes(*notes: str | None) -> str | None:
    return "; ".join(filter(None, notes)) or None


def _lines(*parts: str | None) -> str:
    return "\n".join(filter(None, parts))


def _as_text(payload: Payload) -> str:
    if payload.type is PayloadType.LOCATION:
        link = f"https://www.openstreetmap.org/?mlat={payload.latitude}&mlon={payload.longitude}"
        return f"{payload.name}\n{link}" if payload.name else link
    if payload.type is PayloadType.CONTACT:
        return _lines(payload.name, payload.phone, payload.email)
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
