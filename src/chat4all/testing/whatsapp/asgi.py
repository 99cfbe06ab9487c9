"""The simulator as an ASGI application: the Graph API and the control API on one port."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec

from chat4all.testing.listening import Receive, Scope, Send, cut, read_body
from chat4all.testing.whatsapp.control import ControlApi
from chat4all.testing.whatsapp.errors import ConnectionLost, GraphError
from chat4all.testing.whatsapp.graph_api import GraphApi

LARGEST_BODY = 1024 * 1024  # bytes; more than any message has


class WhatsAppApp:
    """Routes `/v<version>/...` and `/sim/...`."""

    def __init__(self, api: GraphApi, control: ControlApi) -> None:
        self._api = api
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers: dict[str, str] = {"content-type": "application/json; charset=UTF-8"}
        try:
            status, answer = await self._answer(scope, receive)
        except GraphError as error:
            status, answer = error.status, error.body(secrets.token_urlsafe(9))
            if error.retry_after is not None:
                headers["retry-after"] = str(error.retry_after)
        except ConnectionLost:
            await cut(scope, receive)
            return
        body = msgspec.json.encode(answer)
        headers["content-length"] = str(len(body))
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, Any]:
        path, method = scope["path"], scope["method"]
        body = await read_body(receive, most=LARGEST_BODY)
        if body is None:
            raise GraphError(100, "The body is too large.", status=413)
        if path.startswith("/sim/"):
            query = scope["query_string"].decode("latin-1")
            return await self._control.handle(method, path.removeprefix("/sim"), query, body)
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        return 200, await self._api.call(method, path, headers, body)
