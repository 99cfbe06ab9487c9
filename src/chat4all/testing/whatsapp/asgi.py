"""The simulator as an ASGI application: the Graph API and the control API on one port."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import msgspec

from chat4all.testing.listening import Receive, Scope, Send, cut, read_body, send_body
from chat4all.testing.whatsapp.control import ControlApi
from chat4all.testing.whatsapp.errors import ConnectionLost, GraphError
from chat4all.testing.whatsapp.files import MEGABYTE, StoredFile
from chat4all.testing.whatsapp.graph_api import ATTACHMENTS, GraphApi

LARGEST_BODY = 1024 * 1024  # bytes; more than any message has
LARGEST_CONTROL = 160 * 1024 * 1024  # bytes; a person's file in Base64


@dataclass(frozen=True, slots=True)
class _Download:
    """A file to answer with; of a broken one half comes before the connection is cut."""

    file: StoredFile
    broken: bool


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
        if isinstance(answer, _Download):
            await _give(answer, scope, receive, send)
            return
        body = msgspec.json.encode(answer)
        headers["content-length"] = str(len(body))
        await _begin(send, status, headers)
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, Any]:
        path, method = scope["path"], scope["method"]
        query = scope["query_string"].decode("latin-1")
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        if path == ATTACHMENTS and method == "GET":
            return 200, _Download(*await self._api.download(query, headers))
        body = await read_body(receive, most=_most(path, headers))
        if body is None:
            raise GraphError(100, "The body is too large.", status=413)
        if path.startswith("/sim/"):
            return await self._control.handle(method, path.removeprefix("/sim"), query, body)
        return 200, await self._api.call(method, path, query, headers, body)


def _most(path: str, headers: dict[str, str]) -> int:
    if path.startswith("/sim/"):
        return LARGEST_CONTROL
    is_upload = headers.get("content-type", "").startswith("multipart/form-data")
    return 100 * MEGABYTE + LARGEST_BODY if is_upload else LARGEST_BODY


async def _give(download: _Download, scope: Scope, receive: Receive, send: Send) -> None:
    data = download.file.data
    headers = {"content-type": download.file.mime_type, "content-length": str(len(data))}
    await _begin(send, 200, headers)
    if download.broken:
        half = data[: len(data) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await cut(scope, receive)
        return
    await send_body(send, data)


async def _begin(send: Send, status: int, headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
