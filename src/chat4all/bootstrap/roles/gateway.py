"""The role `gateway`: what clients and platforms call, over HTTP and WebSocket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from chat4all.bootstrap.clients import Clients
from chat4all.bootstrap.core import Core
from chat4all.bootstrap.platforms import Platforms
from chat4all.bootstrap.rest import Around, rest_deps
from chat4all.gateway.asgi import Gateway, GatewayDeps
from chat4all.gateway.auth.access_tokens import JwtAccessTokens
from chat4all.gateway.auth.passwords import Argon2Passwords
from chat4all.gateway.auth.revocations import Revocations
from chat4all.gateway.auth.signing_key import SigningKey
from chat4all.gateway.rest.app import create_rest_app
from chat4all.gateway.rest.deps import RestDeps
from chat4all.gateway.rest.read_draft import read_draft
from chat4all.gateway.rest.security_headers import BARE_HEADERS
from chat4all.gateway.ws.deps import WebSocketDeps
from chat4all.gateway.ws.endpoint import WebSocketEndpoint
from chat4all.ports.tracing import Untraced
from chat4all.services.access import Access
from chat4all.services.clock import utc_now
from chat4all.services.key_ring import KeyRing
from chat4all.services.sign_in import SignInLimits


@dataclass(frozen=True, slots=True)
class GatewayRole:
    """The application, and its part that holds the connections."""

    app: Gateway
    websocket: WebSocketEndpoint
    rest: RestDeps

    def farewell_with(self, other: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """Return what sends clients away who would stay: those here and those of `other`."""

        async def farewell() -> None:
            await self.websocket.aclose()
            await other()

        return farewell


async def build_gateway(
    core: Core,
    clients: Clients,
    platforms: Platforms,
    passwords: Argon2Passwords,
    around: Around,
) -> GatewayRole:
    """Build the application of this process."""
    settings = core.settings
    limits = SignInLimits(
        per_source=settings.sign_in_per_minute, per_name=10 * settings.sign_in_per_minute
    )
    tokens = await _tokens(core)
    access = _access(core, tokens)
    rest = rest_deps(core, clients, platforms, tokens, access, passwords, limits, around)
    websocket = _websocket(core, clients, access)
    tokens.when_revoked(websocket.look_again)
    return GatewayRole(_gateway(core, clients, rest, tokens, websocket), websocket, rest)


def _gateway(
    core: Core,
    clients: Clients,
    rest: RestDeps,
    tokens: JwtAccessTokens,
    websocket: WebSocketEndpoint,
) -> Gateway:
    application = cast("Any", create_rest_app(rest))
    return Gateway(
        GatewayDeps(
            # A proxy tells who asks; the send route need not know.
            rest=ProxyHeadersMiddleware(application, core.settings.trusted_proxies),
            websocket=websocket,
            tokens=tokens,
            send_message=clients.send,
            read_draft=read_draft,
            meter=core.metrics,
            headers=BARE_HEADERS,
            tracing=core.tracing,
        )
    )


async def _tokens(core: Core) -> JwtAccessTokens:
    revocations = Revocations(core.directory.tokens, core.storage.ephemeral.bus, now=utc_now)
    await revocations.load()
    core.running.start("revocations", revocations.follow)
    key = await SigningKey.load(core.directory.keys)
    return JwtAccessTokens(key, revocations, issuer=core.settings.address, now=utc_now)


def _access(core: Core, tokens: JwtAccessTokens) -> Access:
    directory = core.directory
    ring = KeyRing(directory.api_keys, directory.users, tokens)
    return Access(tokens, ring, directory.delegations, core.storage.ephemeral.rates)


def _websocket(core: Core, clients: Clients, access: Access) -> WebSocketEndpoint:
    return WebSocketEndpoint(
        WebSocketDeps(
            access=access,
            send_message=clients.send,
            messages=clients.messages,
            notifier=clients.notifier,
            sync=clients.sync,
            presence=clients.presence,
            signals=core.signals,
            rates=core.storage.ephemeral.rates,
            read_draft=read_draft,
            tracing=core.tracing or Untraced(),
        )
    )
