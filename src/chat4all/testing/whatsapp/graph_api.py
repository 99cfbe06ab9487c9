"""The API that businesses call.

| call | does |
|---|---|
| `POST /{version}/{phone_number_id}/messages` | sends, or marks as read |
| `GET /{version}/{phone_number_id}` | tells the number |
| `POST /{version}/{phone_number_id}/media` | takes a file |
| `GET`, `DELETE /{version}/{media_id}` | tells where a file is, forgets it |
| `GET /whatsapp_business/attachments/?hash=` | gives a file |
| `GET /{version}/{business_account_id}/message_templates` | tells the approved templates |
| `POST`, `DELETE /{version}/{business_account_id}/subscribed_apps` | sets the callback address |
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qs, parse_qsl

from chat4all.testing.multipart import read_multipart
from chat4all.testing.whatsapp.contents import MEDIA, checked
from chat4all.testing.whatsapp.errors import ChallengeFailed, ConnectionLost, GraphError
from chat4all.testing.whatsapp.faults import Fault, FaultKind, FaultPlan
from chat4all.testing.whatsapp.files import StoredFile
from chat4all.testing.whatsapp.limits import RateLimiter
from chat4all.testing.whatsapp.model import Json, Number
from chat4all.testing.whatsapp.network import Network
from chat4all.testing.whatsapp.templates import page

_PATH = re.compile(r"/v\d{1,3}\.\d{1,2}/(?P<id>\d{1,32})(?:/(?P<edge>[a-z_]+))?/?")

ATTACHMENTS = "/whatsapp_business/attachments/"
"""Where files are downloaded."""

Subscribe = Callable[[Number, str | None, str | None], Awaitable[None]]
"""Sets, or with None takes away, a callback address; asks it for the verify token first."""


class GraphApi:
    """Answers calls; `subscribe` is what sets a callback address."""

    def __init__(
        self, network: Network, *, faults: FaultPlan, limiter: RateLimiter, subscribe: Subscribe
    ) -> None:
        self._network = network
        self._faults = faults
        self._limiter = limiter
        self._subscribe = subscribe

    async def call(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Json:
        """Return the answer to a call. Raises `GraphError`, `ConnectionLost`."""
        match = _PATH.fullmatch(path)
        if match is None:
            raise GraphError(100, f"Unknown path {path}", status=404)
        number = self._authorized(match["id"], headers)
        fault = self._faults.take()
        if fault is not None:
            _refuse(fault)
        if match["edge"] == "media" and method == "POST":
            answer = self._upload(number, headers.get("content-type", ""), body)
        elif match["edge"] is None and match["id"] not in _ids_of(number):
            answer = self._media(number, method, match["id"], headers.get("host", ""))
        else:
            answer = await self._answer(
                number, method, match["edge"], dict(parse_qsl(query)), _read(body)
            )
        if fault is not None and fault.kind is FaultKind.LOST_ANSWER:
            raise ConnectionLost
        if fault is not None and fault.kind is FaultKind.DELAY:
            await asyncio.sleep(fault.seconds)
        return answer

    async def download(self, query: str, headers: Mapping[str, str]) -> tuple[StoredFile, bool]:
        """Return a file, and whether its download breaks off. Raises as `call` does."""
        self._holders(headers)
        fault = self._faults.take(download=True)
        if fault is not None:
            _refuse(fault)
            if fault.kind is FaultKind.DELAY:
                await asyncio.sleep(fault.seconds)
        file = self._network.files.at(parse_qs(query).get("hash", [""])[0])
        if file is None:
            raise GraphError(100, "The file is not there.", status=404)
        return file, fault is not None and fault.kind is FaultKind.BROKEN_DOWNLOAD

    def _holders(self, headers: Mapping[str, str]) -> list[Number]:
        """Return the numbers that the token of a call is for."""
        token = headers.get("authorization", "").removeprefix("Bearer ")
        found = [one for one in self._network.numbers.values() if one.access_token == token]
        if not found:
            raise GraphError(190, "The access token could not be decrypted.", status=401)
        return found

    def _authorized(self, name: str, headers: Mapping[str, str]) -> Number:
        holders = self._holders(headers)
        file = self._network.files.find(name)
        names = (name, file.number if file else name)
        for one in holders:
            if any(named in _ids_of(one) for named in names):
                return one
        raise GraphError(100, f"Object with ID '{name}' does not exist.", subcode=33)

    def _upload(self, number: Number, content_type: str, body: bytes) -> Json:
        try:
            parts = {part.name: part for part in read_multipart(content_type, body)}
        except ValueError as error:
            raise GraphError(100, "The body is no form.") from error
        if "messaging_product" not in parts or "type" not in parts or "file" not in parts:
            raise GraphError(100, "messaging_product, type and file are required.")
        file = parts["file"]
        files = self._network.files
        return {"id": files.keep_upload(number.phone_number_id, file.data, file.content_type).id}

    def _media(self, number: Number, method: str, media_id: str, host: str) -> Json:
        files = self._network.files
        file = files.of(number.phone_number_id, media_id)
        if method == "DELETE":
            files.forget(media_id)
            return {"success": True}
        query = f"mid={media_id}&ext={int(self._network.now()) + 300}&hash={file.sha256.hex()}"
        return {
            "messaging_product": "whatsapp",
            "url": f"http://{host}{ATTACHMENTS}?{query}",
            "mime_type": file.mime_type,
            "sha256": file.sha256.hex(),
            "file_size": len(file.data),
            "id": media_id,
        }

    async def _answer(
        self, number: Number, method: str, edge: str | None, query: Mapping[str, str], body: Json
    ) -> Json:
        match method, edge:
            case "POST", "messages":
                return self._messages(number, body)
            case "GET", None:
                return {
                    "id": number.phone_number_id,
                    "display_phone_number": number.display_phone_number,
                    "verified_name": number.verified_name,
                    "quality_rating": "GREEN",
                }
            case "GET", "message_templates":
                return page(number.templates, query)
            case "POST", "subscribed_apps":
                await self._subscription(number, body)
            case "DELETE", "subscribed_apps":
                await self._subscribe(number, None, None)
            case _:
                raise GraphError(100, f"Unsupported {method.lower()} request.")
        return {"success": True}

    async def _subscription(self, number: Number, body: Json) -> None:
        url, verify_token = body.get("override_callback_uri"), body.get("verify_token")
        if not isinstance(url, str) or not isinstance(verify_token, str):
            raise GraphError(100, "override_callback_uri and verify_token are required.")
        try:
            await self._subscribe(number, url, verify_token)
        except ChallengeFailed as error:
            raise GraphError(2200, f"(#2200) Callback verification failed: {error}") from error

    def _messages(self, number: Number, body: Json) -> Json:
        if body.get("messaging_product") != "whatsapp":
            raise GraphError(100, "The parameter messaging_product is required.")
        if "status" in body:
            return self._mark_read(number, body)
        to = _recipient(body)
        kind = body.get("type", "text")
        content = checked(number, str(kind), body.get(str(kind)))
        if kind in MEDIA:
            self._network.files.check_sent(number.phone_number_id, str(kind), content)
        self._limiter.spend(number.phone_number_id, to)
        context = body.get("context")
        reply_to = context.get("message_id") if isinstance(context, dict) else None
        message = self._network.send(number, to, str(kind), content, reply_to=reply_to)
        taken: Json = {"id": message.id}
        if kind == "template":
            taken["message_status"] = "accepted"
        return {
            "messaging_product": "whatsapp",
            "contacts": [{"input": str(body.get("to") or body.get("recipient")), "wa_id": to}],
            "messages": [taken],
        }

    def _mark_read(self, number: Number, body: Json) -> Json:
        known = self._network.mark_read(number, str(body.get("message_id")))
        if body["status"] != "read" or not known:
            raise GraphError(131009, "status must be read, and message_id one that came in.")
        return {"success": True}


def _ids_of(number: Number) -> tuple[str, str]:
    return number.phone_number_id, number.business_account_id


def _refuse(fault: Fault) -> None:
    """Raise what comes instead of an effect, if that is what the fault is."""
    if fault.kind is FaultKind.LOST_REQUEST:
        raise ConnectionLost
    if fault.kind is FaultKind.SERVER_ERROR:
        raise GraphError(131000, status=500)
    if fault.kind is FaultKind.REFUSED:
        raise GraphError(fault.code, status=fault.status, retry_after=fault.retry_after)


def _recipient(body: Json) -> str:
    to = body.get("to") or body.get("recipient")
    if not isinstance(to, str) or not to.strip():
        raise GraphError(100, "The parameter to is required.")
    if body.get("recipient"):
        return to
    digits = "".join(one for one in to if one.isascii() and one.isdigit())
    if not digits:
        raise GraphError(131009, "to is not a phone number.")
    return digits


def _read(body: bytes) -> Json:
    if not body:
        return {}
    try:
        raw = json.loads(body)
    except ValueError as error:
        raise GraphError(100, "The body is not JSON.") from error
    if not isinstance(raw, dict):
        raise GraphError(100, "The body is not a JSON object.")
    return raw
