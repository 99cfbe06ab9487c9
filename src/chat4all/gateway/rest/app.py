"""The REST application, put together."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar, Response, get
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler

from chat4all.gateway.rest import openapi
from chat4all.gateway.rest.asyncapi import asyncapi_document
from chat4all.gateway.rest.bearer import SignedIn, caller_of
from chat4all.gateway.rest.deps import RestDeps
from chat4all.gateway.rest.problems import HANDLERS
from chat4all.gateway.rest.request import ApiRequest, check_request
from chat4all.gateway.rest.routes.admin import Administration, ConnectorAdministration
from chat4all.gateway.rest.routes.authentication import Authentication
from chat4all.gateway.rest.routes.callbacks import Callbacks
from chat4all.gateway.rest.routes.contact_merges import ContactMerges
from chat4all.gateway.rest.routes.contacts import Contacts
from chat4all.gateway.rest.routes.conversations import Conversations
from chat4all.gateway.rest.routes.dead_letters import DeadLetterAdministration
from chat4all.gateway.rest.routes.delegates import Delegates
from chat4all.gateway.rest.routes.discovery import Discovery
from chat4all.gateway.rest.routes.file_content import FileContent
from chat4all.gateway.rest.routes.files import FileCalls
from chat4all.gateway.rest.routes.history import Finding, History
from chat4all.gateway.rest.routes.messages import Messages
from chat4all.gateway.rest.routes.operations import Operations
from chat4all.gateway.rest.routes.operator import Operator
from chat4all.gateway.rest.routes.phones import Phones
from chat4all.gateway.rest.routes.presence import PresenceStates
from chat4all.gateway.rest.routes.push import PushSubscriptions
from chat4all.gateway.rest.routes.scheduled import ScheduledMessages
from chat4all.gateway.rest.routes.service_accounts import ServiceAccounts
from chat4all.gateway.rest.routes.templates import Templates
from chat4all.gateway.rest.routes.uploads import Uploads
from chat4all.gateway.rest.routes.users import OwnChannels, Users
from chat4all.gateway.rest.routes.webhooks import WebhookEndpoints
from chat4all.gateway.rest.security_headers import add_security_headers
from chat4all.gateway.rest.static_files import read_files, serve

MAX_BODY = 256 * 1024
"""Bytes of a body, unless a route says otherwise."""
DOCS_PAGE = Path(__file__).parent / "docs_page"

CONTROLLERS = (
    Authentication,
    Discovery,
    Users,
    OwnChannels,
    ServiceAccounts,
    Delegates,
    ContactMerges,
    Contacts,
    Conversations,
    Messages,
    ScheduledMessages,
    History,
    Finding,
    FileCalls,
    Uploads,
    FileContent,
    PresenceStates,
    WebhookEndpoints,
    PushSubscriptions,
    Phones,
    Callbacks,
    Templates,
    ConnectorAdministration,
    Administration,
    DeadLetterAdministration,
    Operator,
    Operations,
)


def create_rest_app(deps: RestDeps) -> Litestar:
    """Return the application; it starts nothing and owns nothing of `deps`."""
    return Litestar(
        route_handlers=[*CONTROLLERS, *_documents(), *_files(deps)],
        dependencies=_dependencies(deps),
        guards=[SignedIn(deps.access)],
        before_request=check_request,
        before_send=[add_security_headers],
        exception_handlers=dict(HANDLERS),
        request_class=ApiRequest,
        request_max_body_size=MAX_BODY,
        openapi_config=None,  # the finished document is served below, without any page of others
        logging_config=None,
    )


@lru_cache(1)
def openapi_document() -> bytes:
    """Return the OpenAPI document as JSON; it is the same for every deployment."""
    described = Litestar(
        route_handlers=list(CONTROLLERS),
        dependencies=_dependencies(None),
        request_class=ApiRequest,
        openapi_config=openapi.config(),
        logging_config=None,
    )
    return msgspec.json.encode(openapi.document(described))


def _dependencies(deps: RestDeps | None) -> dict[str, Provide]:
    return {
        "deps": Provide(lambda: deps, sync_to_thread=False, use_cache=True),
        "files": Provide(
            lambda: None if deps is None else deps.files, sync_to_thread=False, use_cache=True
        ),
        "caller": Provide(_caller, sync_to_thread=False),
    }


def _caller(request: ApiRequest) -> Any:
    return caller_of(request)


def _documents() -> list[HTTPRouteHandler]:
    @get("/openapi.json", include_in_schema=False, public=True)
    async def openapi_json() -> Response[bytes]:
        """Return the OpenAPI document."""
        return Response(openapi_document(), media_type="application/json")

    @get("/asyncapi.json", include_in_schema=False, public=True)
    async def asyncapi_json() -> Response[bytes]:
        """Return the AsyncAPI document of the WebSocket."""
        return Response(_asyncapi_json(), media_type="application/json")

    return [openapi_json, asyncapi_json]


@lru_cache(1)
def _asyncapi_json() -> bytes:
    return json.dumps(asyncapi_document()).encode()


def _files(deps: RestDeps) -> list[HTTPRouteHandler]:
    docs = {f"docs/{name}": file for name, file in read_files(DOCS_PAGE).items()}
    web = read_files(deps.web_root)
    pages = {name: f"{name}.html" for name in ("admin", "phone", "trace")}
    aliases = {"docs": "docs/index.html", "": "index.html", **pages}
    return [serve({**web, **docs}, {k: v for k, v in aliases.items() if v in {**web, **docs}})]
