"""What pushes to devices: to browsers always, to apps where their services are set up."""

from __future__ import annotations

import ssl
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from chat4all.adapters.webpush.sender import WebPushSender
from chat4all.adapters.webpush.vapid import VapidKey
from chat4all.bootstrap.extras import require
from chat4all.domain.errors import BadSettings
from chat4all.domain.push import PushKind
from chat4all.ports.push import PushSender
from chat4all.ports.users import Keys
from chat4all.ports.webhooks import Post
from chat4all.services.push_senders import PushSenders
from chat4all.settings import Settings

if TYPE_CHECKING:
    import httpx

SECONDS = 20.0
"""For one call."""
KEPT_SECONDS = 300.0
"""For which a connection is kept; Apple takes many short ones for an attack."""


async def open_push(
    settings: Settings, post: Post, keys: Keys, stack: AsyncExitStack
) -> tuple[PushSender, str]:
    """Return what pushes, and the key with which browsers subscribe.

    `stack` closes what it opens. Raises `BadSettings`.
    """
    given = settings.vapid_private_key
    key = await VapidKey.load(keys, given.get_secret_value() if given else "")
    public = settings.address if settings.address.startswith("https://") else ""
    senders: dict[PushKind, PushSender] = {
        PushKind.WEB: WebPushSender(post, key, contact=settings.push_contact or public)
    }
    if settings.fcm_credentials:
        senders[PushKind.FCM] = await _fcm(settings, stack)
    if _names_apns(settings):
        senders[PushKind.APNS] = await _apns(settings, stack)
    return PushSenders(senders), key.public


async def _fcm(settings: Settings, stack: AsyncExitStack) -> PushSender:
    from chat4all.adapters.fcm.sender import FcmSender  # noqa: PLC0415 - who needs it pays for it
    from chat4all.adapters.fcm.service_account import ServiceAccount  # noqa: PLC0415

    account = ServiceAccount.load(settings.fcm_credentials)
    http = await stack.enter_async_context(_client(http2=False))
    return FcmSender(http, account, api=settings.fcm_api)


def _names_apns(settings: Settings) -> bool:
    given = {
        "APNS_KEY": settings.apns_key,
        "APNS_KEY_ID": settings.apns_key_id,
        "APNS_TEAM_ID": settings.apns_team_id,
        "APNS_TOPICS": settings.apns_topics,
    }
    missing = [f"CHAT4ALL_{name}" for name, value in given.items() if not value]
    if missing and len(missing) < len(given):
        raise BadSettings(f"pushes by APNs need {' and '.join(missing)} too; or set none of them")
    return not missing


async def _apns(settings: Settings, stack: AsyncExitStack) -> PushSender:
    require("h2", "apns", "CHAT4ALL_APNS_KEY: HTTP/2")
    from chat4all.adapters.apns.provider_tokens import TeamKey  # noqa: PLC0415 - see above
    from chat4all.adapters.apns.sender import HOSTS, ApnsSender  # noqa: PLC0415

    key = TeamKey.load(settings.apns_key, key_id=settings.apns_key_id, team=settings.apns_team_id)
    topics = frozenset(filter(None, map(str.strip, settings.apns_topics.split(","))))
    other = settings.apns_api.rstrip("/")
    http = await stack.enter_async_context(_client(http2=True))
    return ApnsSender(http, key, topics, hosts=dict.fromkeys(HOSTS, other) if other else HOSTS)


def _client(*, http2: bool) -> httpx.AsyncClient:
    import httpx  # noqa: PLC0415 - see above

    return httpx.AsyncClient(
        # The environment's proxies and .netrc must not see what opens the push service.
        trust_env=False,
        verify=ssl.create_default_context(),
        timeout=SECONDS,
        http1=not http2,
        http2=http2,
        limits=httpx.Limits(keepalive_expiry=KEPT_SECONDS),
    )
