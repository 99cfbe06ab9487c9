"""The REST application of the role `files`: the calls of files, and those of operators."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from litestar import Litestar
from litestar.di import Provide

from chat4all.gateway.rest.bearer import SignedIn, caller_of
from chat4all.gateway.rest.file_tools import FileTools
from chat4all.gateway.rest.problems import HANDLERS
from chat4all.gateway.rest.request import ApiRequest, check_request
from chat4all.gateway.rest.routes.file_content import FileContent
from chat4all.gateway.rest.routes.files import FileCalls
from chat4all.gateway.rest.routes.operations import Operations
from chat4all.gateway.rest.routes.uploads import Uploads
from chat4all.gateway.rest.security_headers import add_security_headers
from chat4all.services.access import Access

MAX_BODY = 256 * 1024
"""Bytes of a body that is read whole; uploads are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesDeps:
    """What the role stands on; `ready` and `metrics` as in `RestDeps`."""

    access: Access
    files: FileTools
    ready: Callable[[], Awaitable[Mapping[str, str]]]
    metrics: Callable[[], bytes]


def create_files_app(deps: FilesDeps) -> Litestar:
    """Return the application; it starts nothing and owns nothing of `deps`."""
    return Litestar(
        route_handlers=[FileCalls, Uploads, FileContent, Operations],
        dependencies={
            "deps": Provide(lambda: deps, sync_to_thread=False, use_cache=True),
            "files": Provide(lambda: deps.files, sync_to_thread=False, use_cache=True),
            "caller": Provide(caller_of, sync_to_thread=False),
        },
        guards=[SignedIn(deps.access)],
        before_request=check_request,
        before_send=[add_security_headers],
        exception_handlers=dict(HANDLERS),
        request_class=ApiRequest,
        request_max_body_size=MAX_BODY,
        openapi_config=None,
        logging_config=None,
    )
