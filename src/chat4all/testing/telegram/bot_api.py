"""The Bot API: which bot calls which method, what it gets, and what goes wrong on purpose."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from typing import TYPE_CHECKING, Any

import httpx

from chat4all.testing.telegram.errors import (
    BotApiError,
    ConnectionLost,
    bad_request,
    conflict,
    too_many_requests,
)
from chat4all.testing.telegram.faults import DOWNLOAD, Fault, FaultKind
from chat4all.testing.telegram.media_methods import MEDIA_METHODS
from chat4all.testing.telegram.messages import METHODS, Call
from chat4all.testing.telegram.parameters import read_parameters
from chat4all.testing.telegram.updates import DEFAULT_TYPES
from chat4all.testing.telegram.webhook import Backoff, WebhookDelivery, WebhookTarget
from chat4all.testing.telegram.wire import me_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chat4all.testing.telegram.bots import Bot
    from chat4all.testing.telegram.faults import FaultPlan
    from chat4all.testing.telegram.limits import RateLimiter
    from chat4all.testing.telegram.model import Json
    from chat4all.testing.telegram.network import Network
    from chat4all.testing.telegram.parameters import Parameters

LONGEST_POLL = 50  # seconds
MOST_UPDATES = 100
LONGEST_SECRET = 256
_SECRET = re.compile(r"[A-Za-z0-9_-]*")
_WEBHOOK_PORTS = frozenset({None, 80, 88, 443, 8443})
_TOKEN = re.compile(r"\d+:[\w-]+", re.ASCII)
_CALLS = METHODS | MEDIA_METHODS
_NOT_IN_A_REPLY = frozenset({"deletewebhook", "setwebhook", "close", "logout"})


class BotApi:
    """Answers the calls of every bot of a network.

    Webhooks need `http`, the client to deliver with; without it setWebhook is refused.
    """

    def __init__(
        self,
        network: Network,
        *,
        faults: FaultPlan,
        limiter: RateLimiter,
        backoff: Backoff,
    ) -> None:
        self.http: httpx.AsyncClient | None = None
        self._network = network
        self._faults = faults
        self._limiter = limiter
        self._backoff = backoff
        self._own: dict[str, Callable[[Bot, Parameters], Awaitable[Any]]] = {
            "getme": self._get_me,
            "getupdates": self._get_updates,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._get_webhook_info,
            "logout": self._true,
            "close": self._true,
        }

    async def call(self, token: str, method: str, parameters: Parameters) -> Any:
        """Return the `result` of a method; its name may be in any case.

        Raises `BotApiError`, or `ConnectionLost` when the answer is to get lost.
        """
        bot = self._bot(token)
        name = method.lower()
        if name not in self._own and name not in _CALLS:
            raise BotApiError(404, "Not Found")
        fault = self._faults.take(name)
        if fault is not None:
            await _before(fault)
        result = await self._run(bot, name, parameters)
        if fault is not None and fault.kind is FaultKind.LOST_ANSWER:
            raise ConnectionLost
        return result

    async def download(self, token: str, path: str) -> tuple[bytes, Fault | None]:
        """Return a file, and what goes wrong with it. Raises `BotApiError`, `ConnectionLost`."""
        self._bot(token)
        fault = self._faults.take(DOWNLOAD)
        if fault is not None:
            await _before(fault)
        data = self._network.files.at(path)
        if data is None:
            raise BotApiError(404, "Not Found")
        return data, fault

    def _bot(self, token: str) -> Bot:
        bot = self._network.bot_by_token(token)
        if bot is None:
            # Telegram does not even route what cannot be a token.
            shaped = _TOKEN.fullmatch(token) is not None
            raise BotApiError(401, "Unauthorized") if shaped else BotApiError(404, "Not Found")
        return bot

    def open(self, http: httpx.AsyncClient) -> None:
        """Deliver to webhooks by `http`, also to those set before."""
        self.http = http
        for bot in self._network.bots.values():
            if bot.webhook is not None:
                bot.webhook = self._delivery(bot, bot.webhook.target, http)
                bot.webhook.start()

    async def close(self) -> None:
        """Stop every webhook delivery; where to deliver is kept."""
        self.http = None
        for bot in self._network.bots.values():
            if bot.webhook is not None:
                await bot.webhook.stop()

    async def _run(self, bot: Bot, name: str, parameters: Parameters) -> Any:
        if name in self._own:
            return await self._own[name](bot, parameters)
        return _CALLS[name](Call(self._network, bot, parameters, limiter=self._limiter))

    async def _get_me(self, bot: Bot, _: Parameters) -> Json:
        return me_json(bot.account)

    async def _true(self, _bot: Bot, _: Parameters) -> bool:
        return True

    async def _get_updates(self, bot: Bot, parameters: Parameters) -> list[Json]:
        if bot.webhook is not None:
            raise conflict(
                "can't use getUpdates method while webhook is active;"
                " use deleteWebhook to delete the webhook first"
            )
        _allow(bot, parameters)
        return await bot.updates.poll(
            offset=parameters.integer("offset"),
            limit=parameters.within("limit", default=MOST_UPDATES, low=1, high=MOST_UPDATES),
            within=parameters.within("timeout", default=0, low=0, high=LONGEST_POLL),
        )

    async def _set_webhook(self, bot: Bot, parameters: Parameters) -> bool:
        url = parameters.string("url")
        if not url:
            return await self._delete_webhook(bot, parameters)
        target = WebhookTarget(
            url=_checked(url),
            secret_token=parameters.string("secret_token"),
            max_connections=parameters.within("max_connections", default=40, low=1, high=100),
        )
        if len(target.secret_token) > LONGEST_SECRET:
            raise bad_request("secret token is too long")
        if _SECRET.fullmatch(target.secret_token) is None:
            raise bad_request("secret token contains unallowed characters")
        if self.http is None:
            raise bad_request("bad webhook: the simulator is not being served")
        _allow(bot, parameters)
        await _stop_webhook(bot)
        bot.updates.interrupt("terminated by setWebhook request")
        if parameters.boolean("drop_pending_updates"):
            bot.updates.clear()
        bot.webhook = self._delivery(bot, target, self.http)
        bot.webhook.start()
        return True

    def _delivery(
        self, bot: Bot, target: WebhookTarget, http: httpx.AsyncClient
    ) -> WebhookDelivery:
        async def on_reply(content_type: str, body: bytes) -> None:
            await self._call_from_reply(bot, content_type, body)

        return WebhookDelivery(
            target,
            bot.updates,
            http=http,
            changes=self._network.changes,
            faults=self._faults,
            backoff=self._backoff,
            now=self._network.now,
            on_reply=on_reply,
        )

    async def _call_from_reply(self, bot: Bot, content_type: str, body: bytes) -> None:
        """Do what a bot asks for in its answer to an update.

        https://core.telegram.org/bots/api#making-requests-when-getting-updates
        """
        try:
            parameters = read_parameters(query="", content_type=content_type, body=body)
            method = parameters.string("method").lower()
            if method and method not in _NOT_IN_A_REPLY and not method.startswith("get"):
                await self.call(bot.token, method, parameters)
        except (BotApiError, ConnectionLost):
            return  # the bot chose not to learn what becomes of such a call

    async def _delete_webhook(self, bot: Bot, parameters: Parameters) -> bool:
        await _stop_webhook(bot)
        if parameters.boolean("drop_pending_updates"):
            bot.updates.clear()
        return True

    async def _get_webhook_info(self, bot: Bot, _: Parameters) -> Json:
        info: Json = {
            "url": "",
            "has_custom_certificate": False,
            "pending_update_count": len(bot.updates),
        }
        if bot.updates.allowed != DEFAULT_TYPES:
            info["allowed_updates"] = sorted(bot.updates.allowed)
        if bot.webhook is None:
            return info
        target, failure = bot.webhook.target, bot.webhook.failure
        info |= {"url": target.url, "max_connections": target.max_connections}
        info["ip_address"] = "127.0.0.1"
        if failure is not None:
            info |= {"last_error_date": failure.date, "last_error_message": failure.message}
        return info


async def _before(fault: Fault) -> None:
    match fault.kind:
        case FaultKind.TOO_MANY_REQUESTS:
            raise too_many_requests(fault.retry_after)
        case FaultKind.SERVER_ERROR:
            raise BotApiError(500, "Internal Server Error")
        case FaultKind.LOST_REQUEST:
            raise ConnectionLost
        case FaultKind.DELAY:
            await asyncio.sleep(fault.seconds)
        case _:
            return


async def _stop_webhook(bot: Bot) -> None:
    delivery, bot.webhook = bot.webhook, None
    if delivery is not None:
        await delivery.stop()


def _allow(bot: Bot, parameters: Parameters) -> None:
    types = parameters.json("allowed_updates")
    if types is None:
        return  # as before
    if not isinstance(types, list):
        raise bad_request("can't parse allowed_updates JSON object")
    bot.updates.allow(str(item) for item in types)


def _checked(url: str) -> str:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise bad_request("invalid webhook URL specified") from error
    if not parts.host or parts.scheme not in {"http", "https"}:
        raise bad_request("invalid webhook URL specified")
    if _is_loopback(parts.host):
        return url  # the one thing allowed here that Telegram would refuse
    if parts.scheme != "https":
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if parts.port not in _WEBHOOK_PORTS:
        raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
