"""One call of the Bot API, and what its failures mean.

https://core.telegram.org/bots/api#making-requests
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.exceptions import ClientDecodeError, TelegramNetworkError
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType
from aiohttp import ClientError, ClientTimeout
from pydantic_core import from_json

from chat4all.domain.errors import ChannelError
from chat4all.domain.group_chats import NOT_IN_GROUP

PIECE = 64 * 1024
"""The bytes of a file that are held at a time."""

_BAD_REQUESTS = {
    "chat not found": "not_found",
    "peer_id_invalid": "not_found",
    "user not found": "not_found",
    "message is not modified": "not_modified",
    "message to delete not found": "message_gone",
    "message to edit not found": "message_gone",
    "message to react not found": "message_gone",
    "message can't be": "not_allowed",
    "message is too long": "too_long",
    "message text is empty": "empty",
    "reaction_invalid": "reaction_not_supported",
    "upgraded to a supergroup": "moved",
    "file is too big": "media_too_large",
    "wrong file": "media_gone",
    "invalid file": "media_gone",
    "caption is too long": "too_long",
    "image_process_failed": "not_a_photo",
    "photo_invalid_dimensions": "not_a_photo",
    "photo_ext_invalid": "not_a_photo",
}
_OUTSIDE = ("group chat", "channel chat")
"""What the description of a 403 contains when the bot is not, or not any more, in a group."""
"""What the description of a 400 contains, in lower case, and our reason for it."""

_OF_ACCOUNT = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})
"""Answers that concern the bot, whatever it was asked to do."""
_REASONS = {
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "blocked",
    # A malformed token is no known path, which Telegram answers with 404.
    HTTPStatus.NOT_FOUND: "unauthorized",
    HTTPStatus.CONFLICT: "conflict",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limited",
}


class TelegramSession(AiohttpSession):
    """Makes the calls, and raises `ChannelError` where aiogram raises errors of its own.

    A time-out leaves open whether Telegram took the message. It counts as worth a retry:
    a message that comes twice is better than one that never comes.
    """

    async def make_request(
        self,
        bot: Bot,
        method: TelegramMethod[TelegramType],
        timeout: int | None = None,  # noqa: ASYNC109 - aiogram's signature
    ) -> TelegramType:
        """Call one method of the Bot API."""
        name = method.__api_method__
        try:
            return await super().make_request(bot, method, timeout)
        except TelegramNetworkError as error:
            late = isinstance(error.__cause__, TimeoutError)
        except (UnicodeDecodeError, LookupError):
            late = False
        # Raised out here so that no cause hangs on it: the URL in theirs holds the token.
        raise _unreached(name, late=late)

    async def download(self, url: str, *, stall: float) -> AsyncIterator[bytes]:
        """Stream a file; give up when nothing comes for `stall` seconds.

        The URL holds the token, and so do the errors about it: none of them goes on.
        """
        http = await self.create_session()
        timeout = ClientTimeout(total=None, connect=stall, sock_read=stall)
        try:
            async with http.get(url, timeout=timeout) as answer:
                failure = download_refusal(answer.status)
                if failure is None:
                    async for piece in answer.content.iter_chunked(PIECE):
                        yield piece
        except TimeoutError:
            failure = _unreached("download", late=True)
        except ClientError:
            failure = _unreached("download", late=False)
        if failure is not None:
            raise failure

    def check_response(
        self, bot: Bot, method: TelegramMethod[TelegramType], status_code: int, content: str
    ) -> Response[TelegramType]:
        """Return the result, or raise what the refusal means."""
        name = method.__api_method__
        answer = _read(content)
        if answer is None or answer.get("ok") is not True:
            raise refusal(name, status_code, answer, token=bot.token)
        try:
            return super().check_response(bot, method, status_code, content)
        except ClientDecodeError:
            unreadable = ChannelError(
                f"{name}: Telegram's answer has an unknown form; update aiogram",
                retry=False,
                reason="unreadable_answer",
            )
        raise unreadable


def _unreached(name: str, *, late: bool) -> ChannelError:
    return ChannelError(
        f"{name}: Telegram {'did not answer in time' if late else 'cannot be reached'}",
        retry=True,
        reason="timeout" if late else "network",
    )


def download_refusal(status: int) -> ChannelError | None:
    """Return what the status of a download means; None where the file comes."""
    if status == HTTPStatus.OK:
        return None
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return ChannelError("Telegram has the file no longer", retry=False, reason="media_gone")
    return refusal("download", status, {"error_code": status})


def refusal(
    name: str, status: int, answer: dict[str, Any] | None, *, token: str = ""
) -> ChannelError:
    """Return the error for an answer that is not `ok`; None is one that is not Telegram's."""
    if answer is None:
        return ChannelError(
            f"{name}: HTTP {status} from something that is not the Bot API; check api_base",
            # A captive portal answers 200 and a proxy 502: both go away by themselves.
            retry=not 400 <= status < 500 or status == HTTPStatus.TOO_MANY_REQUESTS,  # noqa: PLR2004
            reason="unavailable",
        )
    code = answer.get("error_code")
    code = code if isinstance(code, int) else status
    description = str(answer.get("description", ""))[:500]
    if token:
        description = description.replace(token, "***")
    platform_error: dict[str, object] = {"error_code": code, "description": description}
    wait, moved_to = _parameters(answer)
    if moved_to is not None:
        platform_error["migrate_to_chat_id"] = moved_to
    return ChannelError(
        f"{name}: Telegram says {code} {description}",
        retry=code == HTTPStatus.TOO_MANY_REQUESTS or code >= HTTPStatus.INTERNAL_SERVER_ERROR,
        reason=_reason(code, description),
        retry_after=wait,
        platform_error=platform_error,
        moved_to=None if moved_to is None else str(moved_to),
        # A 429 does not tell whether it means the chat or the bot: the breaker learns that.
        of_account=code in _OF_ACCOUNT,
    )


def _reason(code: int, description: str) -> str:
    if code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "unavailable"
    if code == HTTPStatus.BAD_REQUEST:
        words = description.lower()
        return next((why for part, why in _BAD_REQUESTS.items() if part in words), "refused")
    if code == HTTPStatus.FORBIDDEN and any(one in description for one in _OUTSIDE):
        return NOT_IN_GROUP
    return next((why for known, why in _REASONS.items() if known == code), "refused")


def _parameters(answer: dict[str, Any]) -> tuple[float | None, int | None]:
    # https://core.telegram.org/bots/api#responseparameters
    parameters = answer.get("parameters")
    if not isinstance(parameters, dict):
        return None, None
    wait, moved_to = parameters.get("retry_after"), parameters.get("migrate_to_chat_id")
    return (
        float(wait) if isinstance(wait, int | float) else None,
        moved_to if isinstance(moved_to, int) else None,
    )


def _read(content: str) -> dict[str, Any] | None:
    try:
        answer = from_json(content)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None
