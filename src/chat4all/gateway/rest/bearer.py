"""Bearer tokens and API keys: who asks, and whether the route is for them.

https://www.rfc-editor.org/rfc/rfc6750
"""

from __future__ import annotations

import re
from functools import partial
from operator import setitem
from typing import Any

from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation

from chat4all.domain.api_keys import Scope
from chat4all.domain.errors import InvalidInput, NotPermitted, Unauthenticated
from chat4all.domain.ids import UserId
from chat4all.gateway.rest.quota_headers import QUOTA
from chat4all.gateway.rest.schemas.text import UUID
from chat4all.ports.access_tokens import Principal
from chat4all.services.access import Access

Caller = NamedDependency[SkipValidation[Principal]]
"""Who is asking; a handler of a guarded route takes it as `caller`."""
ON_BEHALF_OF = "chat4all-on-behalf-of"
"""The header (over gRPC: the metadata) with the id of the user as whom a service account acts."""
SENDING = {"changes": Scope.SEND}
MANAGING = {"changes": Scope.MANAGE}
WEBHOOKS = {"scope": Scope.WEBHOOKS}
PERSONAL = {"scope": Scope.ACCOUNT}
"""What controllers say as `opt`, for `scope_of`."""

_UUID = re.compile(UUID)


class SignedIn:
    """A guard: only with a good access token or API key in the Authorization header."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def __call__(
        self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
    ) -> None:
        """Check the caller unless the route is `public`; admin routes take an administrator.

        A route with `signed_link` takes a signature in place of a token.
        """
        method = str(connection.scope.get("method"))
        if handler.opt.get("public") or method == "OPTIONS":
            return
        if handler.opt.get("signed_link") and "signature" in connection.query_params:
            return  # the handler checks it
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("send an access token: Authorization: Bearer <token>")
        user = behalf(connection.headers.get(ON_BEHALF_OF))
        principal = await self._access.identify(token.strip(), user)
        what = f"{method} {connection.scope['path']}"
        tell = partial(setitem, connection.scope, QUOTA)
        await self._access.admit(principal, scope_of(handler, method), what, tell)
        if handler.opt.get("admin") and not principal.admin:
            raise NotPermitted("this takes an administrator")
        connection.scope["user"] = principal


def scope_of(handler: BaseRouteHandler, method: str) -> Scope:
    """Return what an API key must be good for to call a route.

    What a route says by `scope` comes first. Administration is `admin`, reading is `read`,
    and to change something takes what the controller says by `changes`. What says nothing
    is for no key.
    """
    told = handler.opt
    default = Scope.READ if method in {"GET", "HEAD"} else told.get("changes", Scope.ACCOUNT)
    return Scope(told.get("scope", Scope.ADMIN if told.get("admin") else default))


def behalf(user: str | None) -> UserId | None:
    """Return as whom somebody wants to act. Raises `InvalidInput`."""
    if user is None:
        return None
    if _UUID.fullmatch(user) is None:
        raise InvalidInput(f"{ON_BEHALF_OF} is the id of a user", [("", "not a UUID")])
    return UserId(user.lower())


def caller_of(request: Any) -> Principal:
    """Provide `caller`."""
    principal: Principal = request.scope["user"]
    return principal
