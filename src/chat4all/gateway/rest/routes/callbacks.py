"""What platforms call: verified by the connector before anything is read."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, MediaType, Response, get, post
from litestar.params import PathParameter

from chat4all.gateway.rest.deps import Deps, RestDeps
from chat4all.gateway.rest.request import ApiRequest
from chat4all.gateway.rest.schemas.text import UuidPath

MAX_CALLBACK_BYTES = 4 * 1024 * 1024
"""WhatsApp says that its callbacks have up to 3 MB; those of others are smaller.

https://developers.facebook.com/docs/whatsapp/cloud-api/guides/set-up-webhooks
"""
PlatformPath = Annotated[
    str, PathParameter(max_length=32, pattern="^[a-z][a-z0-9_-]*\\Z", description="The platform.")
]

OPTIONS = {"public": True, "produces": "text/plain", "problems": (401, 413)}


class Callbacks(Controller):
    """`/v1/webhooks`."""

    path = "/v1/webhooks"
    tags = ("Platform callbacks",)
    opt = OPTIONS

    @post(
        "/{connector:str}/{account_id:str}",
        operation_id="platformCallback",
        status_code=200,
        media_type=MediaType.TEXT,
        request_max_body_size=MAX_CALLBACK_BYTES,
    )
    async def receive(
        self, request: ApiRequest, connector: PlatformPath, account_id: UuidPath, deps: Deps
    ) -> Response[bytes]:
        """Take a platform's callback in; answered once its effects are kept."""
        return await _received(request, connector, account_id, deps)

    @get(
        "/{connector:str}/{account_id:str}",
        operation_id="platformChallenge",
        media_type=MediaType.TEXT,
    )
    async def challenge(
        self, request: ApiRequest, connector: PlatformPath, account_id: UuidPath, deps: Deps
    ) -> Response[bytes]:
        """Answer a platform that checks whether the address is ours."""
        return await _received(request, connector, account_id, deps)


async def _received(
    request: ApiRequest, connector: str, account_id: str, deps: RestDeps
) -> Response[bytes]:
    answer = await deps.receive_webhook(
        connector,
        account_id.lower(),
        request.method,
        dict(request.headers.items()),
        {name: str(value) for name, value in request.query_params.items()},
        await request.body(),
    )
    return Response(answer, media_type=MediaType.TEXT)
