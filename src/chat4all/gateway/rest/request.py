"""The request as our handlers see it."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.routes import HTTPRoute

from chat4all.domain.errors import InvalidInput
from chat4all.gateway.rest.strict_json import decode
from chat4all.ports.access_tokens import Principal


class NotAcceptable(HTTPException):
    """The client takes no media type that the route answers (RFC 9110 section 15.5.7)."""

    status_code = 406


class UnsupportedMediaType(HTTPException):
    """The body is not what the route reads (RFC 9110 section 15.5.16)."""

    status_code = 415


class ApiRequest(Request[Any, Principal, State]):
    """A request whose JSON body is read strictly, into the type of the handler's `data`."""

    async def json(self) -> Any:
        """Return the body as the handler's type. Raises `InvalidInput`."""
        check_media_type(self, "application/json")
        field = self.route_handler.parsed_data_field
        return decode(await self.body(), Any if field is None else field.annotation)


def media_type_of(request: Request[Any, Any, Any], *expected: str) -> str:
    """Return which of the types the body says it is. Raises `UnsupportedMediaType`."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in expected:
        raise UnsupportedMediaType(
            f"send the body as {' or '.join(expected)}, not {given or 'nothing'}"
        )
    return given


def check_media_type(
    request: Request[Any, Any, Any], expected: str, *, needed: bool = False
) -> None:
    """Refuse a body that says it is something else; one that says nothing is believed.

    Where it is `needed`, it must be said.
    """
    silent = "" if needed else expected
    given = request.headers.get("content-type", silent).partition(";")[0].strip().lower()
    if given != expected:
        raise UnsupportedMediaType(f"send the body as {expected}, not {given or 'nothing'}")


async def check_request(request: Request[Any, Any, Any]) -> Response[None] | None:
    """Refuse, before parameters are read, what no route could serve; answer OPTIONS."""
    if request.method == "OPTIONS":
        return _options(request)
    if b"%00" in request.scope["query_string"] or "\x00" in request.scope["path"]:
        raise InvalidInput("the address holds the character U+0000", [("", "U+0000")])
    if b"null" in request.scope["query_string"].lower():
        _refuse_null(request)
    media_type = request.route_handler.opt.get("produces", "application/json")
    is_any = media_type == "*/*"  # files: a browser names the types it likes, and takes others
    if "accept" in request.headers and not (is_any or request.accept.accepts(media_type)):
        raise NotAcceptable(f"this call answers {media_type}")
    return None


def _refuse_null(request: Request[Any, Any, Any]) -> None:
    """Refuse `null` as a number or a boolean: it would be read as if it were left out."""
    fields = request.route_handler.parsed_fn_signature.parameters
    for name, value in request.query_params.multi_items():
        field = fields.get(name)
        if field is None or str(value).lower() != "null":
            continue
        if any(kind.annotation in (int, bool) for kind in field.inner_types):
            raise InvalidInput("a parameter breaks a rule", [(f"/{name}", "null is no value")])


def _options(request: Request[Any, Any, Any]) -> Response[None]:
    """Say what the address knows (RFC 9110 section 9.3.7), over all its handlers."""
    template = request.scope["path_template"]
    methods: set[str] = set()
    offered: dict[str, str] = {}
    for route in request.app.routes:
        if isinstance(route, HTTPRoute) and (route.path_format or "/") == template:
            methods |= set(route.methods)
            for handler in route.route_handlers:
                offered.update(handler.opt.get("options_headers", {}))
    allow = ", ".join(sorted(methods))
    return Response(None, status_code=204, headers={"Allow": allow, **offered})
