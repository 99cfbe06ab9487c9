"""The REST application of a process that serves no clients: the calls of operators alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from litestar import Litestar
from litestar.di import Provide

from chat4all.gateway.rest.problems import HANDLERS
from chat4all.gateway.rest.request import ApiRequest, check_request
from chat4all.gateway.rest.routes.operations import Operations
from chat4all.gateway.rest.security_headers import add_security_headers


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsDeps:
    """See `RestDeps`."""

    ready: Callable[[], Awaitable[Mapping[str, str]]]
    metrics: Callable[[], bytes]


def create_operations_app(deps: OperationsDeps) -> Litestar:
    """Return the application; it starts nothing and owns nothing of `deps`."""
    return Litestar(
        route_handlers=[Operations],
        dependencies={"deps": Provide(lambda: deps, sync_to_thread=False, use_cache=True)},
        before_request=check_request,
        before_send=[add_security_headers],
        exception_handlers=dict(HANDLERS),
        request_class=ApiRequest,
        openapi_config=None,
        logging_config=None,
    )
