"""The simulator as an ASGI application: Bot API, control API and page on one port."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from chat4all.testing.listening import cut, read_body, send_body
from chat4all.testing.telegram.errors import BotApiError, ConnectionLost
from chat4all.testing.telegram.faults import FaultKind
from chat4all.testing.telegram.parameters import read_parameters

if TYPE_CHECKING:
    from chat4all.testing.listening import Receive, Scope, Send
    from chat4all.testing.telegram.bot_api import BotApi
    from chat4all.testing.telegram.control import ControlApi
    from chat4all.testing.telegram.files import Files

LARGEST_BODY = 1024 * 1024  # bytes; more than anything a bot has to say, files aside
LARGEST_CONTROL = 128 * 1024 * 1024  # bytes; people send larger files than bots
_PAGE = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/phone.js": ("phone.js", "text/javascript; charset=utf-8"),
    "/phone.css": ("phone.css", "text/css; charset=utf-8"),
}
_PAGE_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src data: 'self'; media-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}

_FILE_HEADERS = {"content-security-policy": "sandbox", "x-content-type-options": "nosniff"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes
    broken: bool = False
    """Half of it is sent, and then the connection is cut."""


class TelegramApp:
    """Routes `/bot<token>/<method>`, `/sim/...` and the page at `/`."""

    def __init__(self, api: BotApi, control: ControlApi, files: Files) -> None:
        self._api = api
        self._files = files
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope, receive)
        except ConnectionLost:
            await cut(scope, receive)
            return
        headers = {"content-type": answer.content_type, **answer.headers}
        headers["content-length"] = str(len(answer.body))
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        if answer.broken:
            half = answer.body[: len(answer.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            await cut(scope, receive)
            return
        await send_body(send, answer.body)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        path: str = scope["path"]
        if path in _PAGE:
            return _page(path)
        if path.startswith("/file/bot"):
            return await self._download(path)
        headers = dict(scope["headers"])
        body = await read_body(receive, most=self._most(path, headers))
        if body is None:
            return _refused(BotApiError(413, "Request Entity Too Large"))
        if path.startswith("/sim/files/") and scope["method"] == "GET":
            return self._shown(path.removeprefix("/sim/files/"))
        if path.startswith("/sim/"):
            query = scope["query_string"].decode("latin-1")
            status, result = await self._control.handle(
                scope["method"], path.removeprefix("/sim"), query, body
            )
            return Answer(status=status, body=msgspec.json.encode(result))
        return await self._bot_call(scope, path, body)

    def _most(self, path: str, headers: dict[bytes, bytes]) -> int:
        if path.startswith("/sim/"):
            return LARGEST_CONTROL
        if headers.get(b"content-type", b"").startswith(b"multipart/form-data"):
            return self._files.limits.upload + LARGEST_BODY
        return LARGEST_BODY

    async def _download(self, path: str) -> Answer:
        token, _, file = path.removeprefix("/file/bot").partition("/")
        try:
            data, fault = await self._api.download(token, file)
        except BotApiError as error:
            return _refused(error)
        broken = fault is not None and fault.kind is FaultKind.BROKEN_DOWNLOAD
        return Answer(content_type="application/octet-stream", body=data, broken=broken)

    def _shown(self, file_id: str) -> Answer:
        """Return a file as a phone shows it."""
        try:
            data, media = self._files.data(file_id), self._files.known(file_id)
        except KeyError:
            return Answer(status=404, body=b'{"error":"There is no such file."}')
        return Answer(content_type=media.mime_type, headers=_FILE_HEADERS, body=data)

    async def _bot_call(self, scope: Scope, path: str, body: bytes) -> Answer:
        token, slash, method = path.removeprefix("/bot").partition("/")
        if not path.startswith("/bot") or not slash:
            return _refused(BotApiError(404, "Not Found"))
        headers = dict(scope["headers"])
        try:
            parameters = read_parameters(
                query=scope["query_string"].decode("latin-1"),
                content_type=headers.get(b"content-type", b"").decode("latin-1"),
                body=body,
            )
            result = await self._api.call(token, method, parameters)
        except BotApiError as error:
            return _refused(error)
        return Answer(body=json.dumps({"ok": True, "result": result}).encode())


def _refused(error: BotApiError) -> Answer:
    answer: dict[str, Any] = {
        "ok": False,
        "error_code": error.code,
        "description": error.description,
    }
    headers: dict[str, str] = {}
    if error.migrate_to is not None:
        answer["parameters"] = {"migrate_to_chat_id": error.migrate_to}
    if error.retry_after is not None:
        answer["parameters"] = {"retry_after": error.retry_after}
        headers["retry-after"] = str(error.retry_after)
    return Answer(status=error.code, headers=headers, body=json.dumps(answer).encode())


def _page(path: str) -> Answer:
    name, content_type = _PAGE[path]
    body = (files(__package__) / "page" / name).read_bytes()
    return Answer(content_type=content_type, headers=_PAGE_HEADERS, body=body)
