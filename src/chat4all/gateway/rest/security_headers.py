"""Headers that every answer carries."""

from __future__ import annotations

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from chat4all.gateway.rest.quota_headers import QUOTA, quota_headers

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""Set unless the answer says otherwise itself."""
BARE_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
"""What the answer to a send carries: JSON for a program, which no page can frame or run."""


async def add_security_headers(message: Message, scope: Scope) -> None:
    """Complete the headers of an answer; Litestar's `before_send` hook.

    A route's `headers` option names those that all its answers carry, refusals too.
    """
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    handler = scope.get("route_handler")  # none where no route matched
    for name, value in ({} if handler is None else handler.opt.get("headers", {})).items():
        headers.setdefault(name, value)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    for name, value in quota_headers(scope.get(QUOTA)).items():  # type: ignore[arg-type]  # ours
        headers[name] = value
