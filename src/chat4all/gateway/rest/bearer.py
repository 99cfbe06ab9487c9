"""Bearer tokens.

https://www.rfc-editor.org/rfc/rfc6750
"""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation

from chat4all.domain.errors import NotPermitted, Unauthenticated
from chat4all.ports.access_tokens import AccessTokens, Principal

Caller = NamedDependency[SkipValidation[Principal]]
"""Who is asking; a handler of a guarded route takes it as `caller`."""


class SignedIn:
    """A guard: only with a good access token in the Authorization header."""

    def __init__(self, tokens: AccessTokens) -> None:
        self._tokens = tokens

    def __call__(
        self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
    ) -> None:
        """Check the token unless the route is `public`; admin routes take an administrator.

        A route with `signed_link` takes a signature in place of a token.
        """
        if handler.opt.get("public") or connection.scope.get("method") == "OPTIONS":
            return
        if handler.opt.get("signed_link") and "signature" in connection.query_params:
            return  # the handler checks it
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("send an access token: Authorization: Bearer <token>")
        principal = self._tokens.verify(token.strip())
        if handler.opt.get("admin") and not principal.admin:
            raise NotPermitted("this takes an administrator")
        connection.scope["user"] = principal


def caller_of(request: Any) -> Principal:
    """Provide `caller`."""
    principal: Principal = request.scope["user"]
    return principal
