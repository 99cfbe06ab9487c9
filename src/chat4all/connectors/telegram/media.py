"""Files: how a bot sends one, and how it names one that came.

https://core.telegram.org/bots/api#sending-files
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from aiogram.methods import (
    SendAudio,
    SendDocument,
    SendPhoto,
    SendVideo,
    SendVoice,
    TelegramMethod,
)
from aiogram.types import InputFile, Message, ReplyParameters

from chat4all.connectors.telegram.capabilities import CAPABILITIES
from chat4all.domain.errors import ChannelError
from chat4all.domain.payload import PayloadType

if TYPE_CHECKING:
    from aiogram import Bot

    from chat4all.domain.outgoing import FileRef, Outgoing

SLOWEST = 64 * 1024
"""Bytes a second: an upload that is slower than this is given up."""
_VOICE = frozenset({"audio/ogg", "audio/opus"})


class StreamedFile(InputFile):
    """The bytes of a file, read while they are sent."""

    def __init__(self, file: FileRef) -> None:
        # aiohttp refuses control characters in names.
        super().__init__(filename="".join(filter(str.isprintable, file.name)) or "file")
        self._file = file

    async def read(self, bot: Bot) -> AsyncGenerator[bytes, None]:  # noqa: ARG002 - aiogram's signature
        """Stream the bytes."""
        async for piece in self._file.read():
            yield piece


def media_method(
    message: Outgoing, file: FileRef, *, reply: ReplyParameters | None, as_document: bool = False
) -> TelegramMethod[Message]:
    """Return the call that sends a file as the kind its payload names.

    Raises `ChannelError` for a file or a caption over the limits.
    """
    kind = message.payload.type
    if obstacle := CAPABILITIES.obstacle(kind, size=file.size, mime_type=file.mime_type):
        raise ChannelError(obstacle, retry=False, reason="unsupported_payload")
    chat, caption, data = message.address, caption_of(message), StreamedFile(file)
    if kind is PayloadType.IMAGE and not as_document:
        return SendPhoto(chat_id=chat, photo=data, caption=caption, reply_parameters=reply)
    if kind is PayloadType.VIDEO:
        return SendVideo(chat_id=chat, video=data, caption=caption, reply_parameters=reply)
    if kind is PayloadType.AUDIO and file.mime_type.partition(";")[0] in _VOICE:
        return SendVoice(chat_id=chat, voice=data, caption=caption, reply_parameters=reply)
    if kind is PayloadType.AUDIO:
        return SendAudio(chat_id=chat, audio=data, caption=caption, reply_parameters=reply)
    return SendDocument(
        chat_id=chat,
        document=data,
        caption=caption,
        reply_parameters=reply,
        disable_content_type_detection=as_document or None,
    )


def caption_of(message: Outgoing) -> str | None:
    """Return the caption, led by who wrote it where several do. Raises `ChannelError`."""
    words = message.payload.caption or ""
    if message.from_name:
        words = f"{message.from_name}: {words}".rstrip()
    if len(words) > CAPABILITIES.max_caption:
        raise ChannelError(
            f"a caption of {len(words)} characters; Telegram takes {CAPABILITIES.max_caption}",
            retry=False,
            reason="too_long",
        )
    return words or None
