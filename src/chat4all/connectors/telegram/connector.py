"""The Telegram connector: calls of the Bot API on one side, our values on the other."""

from __future__ import annotations

import hmac
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar

from aiogram import Bot
from aiogram.client.telegram import TelegramAPIServer
from aiogram.methods import (
    DeleteMessage,
    DeleteWebhook,
    EditMessageCaption,
    EditMessageText,
    GetFile,
    GetMe,
    GetWebhookInfo,
    SendChatAction,
    SendContact,
    SendLocation,
    SendMessage,
    SetMessageReaction,
    SetWebhook,
    TelegramMethod,
)
from aiogram.types import Message, ReactionTypeEmoji, ReactionTypeUnion, ReplyParameters
from pydantic_core import from_json

from chat4all.connectors.telegram.capabilities import CAPABILITIES
from chat4all.connectors.telegram.config import TelegramConfig
from chat4all.connectors.telegram.media import SLOWEST, caption_of, media_method
from chat4all.connectors.telegram.reactions import to_telegram
from chat4all.connectors.telegram.session import TelegramSession
from chat4all.connectors.telegram.translate import ALLOWED_UPDATES, events_of
from chat4all.domain.capabilities import Capabilities
from chat4all.domain.errors import ChannelError, WebhookRejected
from chat4all.domain.inbound import Inbound
from chat4all.domain.outgoing import FileRef, Outgoing, Sent
from chat4all.domain.payload import MEDIA, PayloadType
from chat4all.ports.connector import Pending, Polled

_SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - a header's name

_log = logging.getLogger(__name__)


class _GetRawUpdates(TelegramMethod[list[dict[str, Any]]]):
    """`getUpdates` whose updates are read one by one, so an odd one does not stop the rest."""

    __returning__ = list[dict[str, Any]]
    __api_method__ = "getUpdates"

    offset: int | None
    timeout: int
    allowed_updates: list[str]


class TelegramConnector:
    """One bot."""

    channel: ClassVar[str] = "telegram"
    capabilities: ClassVar[Capabilities] = CAPABILITIES

    def __init__(self, config: TelegramConfig) -> None:
        self._config = config
        self._session = TelegramSession(
            api=TelegramAPIServer.from_base(config.api_base), timeout=config.timeout
        )
        self._bot = Bot(config.token.get_secret_value(), session=self._session)

    async def send_message(self, message: Outgoing) -> Sent:
        """Send text, a location or a contact; only a text shows `from_name`."""
        taken: Message = await self._bot(self._send_method(message))
        return Sent(external_id=str(taken.message_id))

    async def send_file(self, message: Outgoing, file: FileRef) -> Sent:
        """Send a file and its caption; a picture that Telegram shows as none, as a document."""
        within = int(self._config.timeout + file.size / SLOWEST) + 1
        method = media_method(message, file, reply=_reply(message))
        try:
            taken: Message = await self._bot(method, request_timeout=within)
        except ChannelError as error:
            if error.reason != "not_a_photo":
                raise
            method = media_method(message, file, reply=_reply(message), as_document=True)
            taken = await self._bot(method, request_timeout=within)
        return Sent(external_id=str(taken.message_id))

    async def fetch_media(self, reference: str) -> AsyncIterator[bytes]:
        """Stream a file by its id; bots get none over 20 MB."""
        found = await self._bot(GetFile(file_id=reference))
        if not found.file_path:
            raise ChannelError("Telegram has the file no longer", retry=False, reason="media_gone")
        url = self._session.api.file_url(self._bot.token, found.file_path)
        async for piece in self._session.download(url, stall=self._config.timeout):
            yield piece

    def on_webhook_event(self, headers: Mapping[str, str], body: bytes) -> Sequence[Inbound]:
        """Translate one callback that shows our secret."""
        given = headers.get(_SECRET_HEADER, "").encode("utf-8", "surrogatepass")
        expected = self._config.webhook_secret.get_secret_value().encode()
        if not hmac.compare_digest(given, expected):
            raise WebhookRejected("the callback does not show the secret given to Telegram")
        try:
            return events_of(from_json(body))
        except ValueError as error:
            raise WebhookRejected("the body is not a Telegram update") from error

    async def edit_message(self, message: Outgoing, external_id: str) -> None:
        """Replace the text or caption of a sent message; a place or contact stays as it is."""
        chat, number = message.address, int(external_id)
        method: TelegramMethod[Any]
        if message.payload.type is PayloadType.TEXT:
            words = _checked_text(message)
            method = EditMessageText(chat_id=chat, message_id=number, text=words)
        elif message.payload.type in MEDIA:
            caption = caption_of(message)
            method = EditMessageCaption(chat_id=chat, message_id=number, caption=caption)
        else:
            raise ChannelError("only words can be edited", retry=False, reason="not_supported")
        await self._call_unless(method, done="not_modified")

    async def delete_message(self, address: str, external_id: str) -> None:
        """Delete a sent message; Telegram refuses after 48 hours."""
        method = DeleteMessage(chat_id=address, message_id=int(external_id))
        await self._call_unless(method, done="message_gone")

    async def set_reactions(self, address: str, external_id: str, emojis: Sequence[str]) -> None:
        """Show the latest of `emojis` that Telegram knows: a bot has one reaction a message."""
        known = [plain for emoji in emojis if (plain := to_telegram(emoji))]
        if emojis and not known:
            raise ChannelError(
                "Telegram has no such reaction", retry=False, reason="reaction_not_supported"
            )
        reaction: list[ReactionTypeUnion] = [ReactionTypeEmoji(emoji=one) for one in known[-1:]]
        await self._bot(
            SetMessageReaction(chat_id=address, message_id=int(external_id), reaction=reaction)
        )

    async def show_typing(self, address: str) -> None:
        """Show "typing" for about 5 seconds."""
        await self._bot(SendChatAction(chat_id=address, action="typing"))

    async def poll(self, offset: str | None, *, wait: float) -> Polled:
        """Ask for updates; `offset` is the id of the next one, as text."""
        method = _GetRawUpdates(
            offset=int(offset) if offset else None,
            timeout=int(wait),
            allowed_updates=ALLOWED_UPDATES,
        )
        limit = int(wait + self._config.timeout) + 1
        updates: list[dict[str, Any]] = await self._bot(method, request_timeout=limit)
        events: list[Inbound] = []
        following = int(offset or 0)
        for update in updates:
            number = update.get("update_id")
            following = max(following, number + 1) if isinstance(number, int) else following
            try:
                events.extend(events_of(update))
            except ValueError as error:
                _log.warning("skipping update %s: %s", number, error)
        return Polled(events=events, offset=str(following))

    async def set_webhook(self, url: str | None) -> None:
        """Have callbacks sent to `url`, or stop them; what waits at Telegram is kept."""
        if url is None:
            await self._bot(DeleteWebhook(drop_pending_updates=False))
            return
        method = SetWebhook(
            url=url,
            secret_token=self._config.webhook_secret.get_secret_value(),
            max_connections=self._config.webhook_connections,
            allowed_updates=ALLOWED_UPDATES,
            drop_pending_updates=False,
        )
        await self._bot(method)

    async def pending(self) -> Pending:
        """Return how many updates wait, whether they are polled or called back."""
        info = await self._bot(GetWebhookInfo())
        return Pending(info.pending_update_count, info.last_error_message)

    async def whoami(self) -> str:
        """Return the bot's name, such as `@shop_bot`."""
        return f"@{(await self._bot(GetMe())).username}"

    def link_instructions(self, code: str, name: str) -> str:
        """Return the deep link, and what to type where links do not work."""
        bot = name.removeprefix("@")
        link = f"https://t.me/{bot}?start={code}"
        return f"Open {link} and press START, or send /start {code} to @{bot}."

    async def aclose(self) -> None:
        """Close the connections to Telegram."""
        await self._bot.session.close()

    def _send_method(self, message: Outgoing) -> TelegramMethod[Message]:
        payload, chat = message.payload, message.address
        reply = _reply(message)
        if payload.type is PayloadType.TEXT:
            return SendMessage(chat_id=chat, text=_checked_text(message), reply_parameters=reply)
        if payload.type is PayloadType.LOCATION:
            return SendLocation(
                chat_id=chat,
                latitude=payload.latitude or 0.0,
                longitude=payload.longitude or 0.0,
                reply_parameters=reply,
            )
        if payload.type is PayloadType.CONTACT and payload.phone:
            return SendContact(
                chat_id=chat,
                phone_number=payload.phone,
                first_name=payload.name or payload.phone,
                reply_parameters=reply,
            )
        if payload.type is PayloadType.CONTACT:  # Telegram's contacts have a number
            words = " ".join(part for part in (payload.name, payload.email) if part)
            return SendMessage(chat_id=chat, text=words, reply_parameters=reply)
        raise ChannelError(f"{payload.type} is not carried", retry=False, reason="not_supported")

    async def _call_unless(self, method: TelegramMethod[Any], *, done: str) -> None:
        try:
            await self._bot(method)
        except ChannelError as error:
            if error.reason != done:
                raise


def _reply(message: Outgoing) -> ReplyParameters | None:
    if message.reply_to is None:
        return None
    # The message answered may be gone by now; the answer should still come.
    return ReplyParameters(message_id=int(message.reply_to), allow_sending_without_reply=True)


def _checked_text(message: Outgoing) -> str:
    words = message.payload.text or ""
    if message.from_name:
        words = f"{message.from_name}: {words}"
    limit = TelegramConnector.capabilities.max_text
    if len(words) > limit:
        raise ChannelError(
            f"{len(words)} characters; Telegram takes {limit}", retry=False, reason="too_long"
        )
    return words
