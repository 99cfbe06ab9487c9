"""The file of a message as our `Attachment`, and which kind of media it is to us.

https://core.telegram.org/bots/api#message
"""

from __future__ import annotations

import mimetypes

from aiogram.types import Animation, Audio, Document, Message, Sticker, Video

from chat4all.domain.inbound import Attachment
from chat4all.domain.payload import PayloadType

UNKNOWN_TYPE = "application/octet-stream"

Found = tuple[PayloadType, Attachment]


def attachment_of(message: Message) -> Found | None:
    """Return the file of a message; of a picture the largest of its sizes."""
    if message.photo:
        largest = max(message.photo, key=lambda one: one.width * one.height)
        return PayloadType.IMAGE, Attachment(
            reference=largest.file_id, mime_type="image/jpeg", size=largest.file_size
        )
    if message.sticker is not None:
        return _sticker(message.sticker)
    if message.video_note is not None:
        note = message.video_note
        return PayloadType.VIDEO, Attachment(
            reference=note.file_id, mime_type="video/mp4", size=note.file_size
        )
    if message.voice is not None:
        voice = message.voice
        return PayloadType.AUDIO, Attachment(
            reference=voice.file_id,
            mime_type=voice.mime_type or "audio/ogg",
            size=voice.file_size,
        )
    return _named(message)


def _named(message: Message) -> Found | None:
    """Return the file of the kinds that have a name. An animation comes as a document too."""
    file: Video | Animation | Audio | Document
    if (moving := message.video or message.animation) is not None:
        kind, file, usual = PayloadType.VIDEO, moving, "video/mp4"
    elif message.audio is not None:
        kind, file, usual = PayloadType.AUDIO, message.audio, "audio/mpeg"
    elif message.document is not None:
        kind, file, usual = PayloadType.DOCUMENT, message.document, UNKNOWN_TYPE
    else:
        return None
    guessed = mimetypes.guess_type(file.file_name)[0] if file.file_name else None
    return kind, Attachment(
        reference=file.file_id,
        mime_type=file.mime_type or guessed or usual,
        name=file.file_name,
        size=file.file_size,
    )


def _sticker(sticker: Sticker) -> Found:
    if sticker.is_animated:  # a drawing of Telegram's own that nothing else shows
        kind, mime_type = PayloadType.DOCUMENT, "application/x-tgsticker"
    elif sticker.is_video:
        kind, mime_type = PayloadType.VIDEO, "video/webm"
    else:
        kind, mime_type = PayloadType.IMAGE, "image/webp"
    return kind, Attachment(reference=sticker.file_id, mime_type=mime_type, size=sticker.file_size)
