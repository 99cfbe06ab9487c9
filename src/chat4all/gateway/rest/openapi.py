"""The OpenAPI 3.1 document, from the routes and the structs that they read and write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from inspect import cleandoc
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, Contact, License, SecurityScheme, Tag
from litestar.routes import HTTPRoute

from chat4all.gateway.rest import problems
from chat4all.gateway.rest.ecma_patterns import in_ecma
from chat4all.gateway.rest.openapi_examples import EXAMPLES
from chat4all.gateway.rest.schemas.text import JSON_VALUE

REF = "#/components/schemas/{name}"

BYTES = {"type": "string", "format": "binary"}

TAGS = {
    "Authentication": "Signing up, in and out: OAuth 2.",
    "Users": "People and one's own profile.",
    "Channels": "Where one can be reached.",
    "Service accounts": "Accounts of programs, their API keys, and as whom they may act.",
    "Contacts": "People one reaches through channels.",
    "Conversations": "Private ones and groups.",
    "Messages": "Sending, reading, following.",
    "Files": "Up to 2 GiB each: resumable uploads (tus 1.0.0), downloads in parts, links.",
    "Presence": "Who is there.",
    "Push": "Devices that are told of new messages while nobody is connected: Web Push.",
    "Webhooks": "Events posted to an address of yours: CloudEvents, by Standard Webhooks.",
    "Mock phones": "Simulated phones, to try everything without an account.",
    "Platform callbacks": "What platforms call.",
    "Administration": "For users with the role admin.",
    "Operations": "For operators and their machines.",
}

OAUTH_CODES = {
    "invalid_request": "A field of the form is missing.",
    "invalid_grant": "The password or the refresh token is not good.",
    "invalid_client": "The client secret is not good.",
    "invalid_scope": "The API key is not good for what was asked.",
    "unsupported_grant_type": "The grant is none of those in the discovery document.",
}

PRIVATE_PAIR: dict[str, Any] = {
    "if": {"properties": {"type": {"const": "private"}}, "required": ["type"]},
    "then": {
        "properties": {"member_ids": {"minItems": 1, "maxItems": 1}, "name": {"type": "null"}}
    },
}
"""A private conversation has one other member and no name of its own."""

WHOLE_PLACE: dict[str, Any] = {
    "anyOf": [
        {
            "properties": {"latitude": {"type": "number"}, "longitude": {"type": "number"}},
            "required": ["latitude", "longitude"],
        },
        {"properties": {"latitude": {"type": "null"}, "longitude": {"type": "null"}}},
    ]
}
"""An imported message has both coordinates or none."""

DESCRIPTION = """One API to send to and receive from all your contacts, whatever platform each of
them uses. Errors are problem details (RFC 9457) with a stable `code`. Lists are `{items, next}`:
pass `next` as `cursor` to go on. What happens is pushed over the WebSocket `/v1/ws`: see
`/asyncapi.json`."""


_TOLD: dict[int, tuple[str, str]] = {
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After", "Seconds to wait."),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After", "Seconds to wait."),
    HTTPStatus.INSUFFICIENT_STORAGE: ("Retry-After", "Seconds to wait."),
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate", "How to authenticate (RFC 6750)."),
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: ("Content-Range", "`bytes */` and the size."),
}
"""The header that goes with a refusal, and what it tells."""


def config() -> OpenAPIConfig:
    """Return what Litestar needs to make its part of the document."""
    return OpenAPIConfig(
        title="Chat4All",
        version=version("chat4all"),
        description=DESCRIPTION,
        contact=Contact(name="The Chat4All developers"),
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        tags=[Tag(name=name, description=text) for name, text in TAGS.items()],
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    bearer_format="JWT",
                    description="An access token of POST /v1/auth/token, or an API key (c4a_...).",
                )
            }
        ),
        use_handler_docstrings=True,
    )


def document(app: Litestar) -> dict[str, Any]:
    """Return the finished document of `app`."""
    made: dict[str, Any] = app.openapi_schema.to_schema()
    schemas = _schemas(app)
    made["components"]["schemas"] = schemas
    made["components"]["responses"] = _problem_responses()
    made["x-problems"] = _problem_codes()
    for operation in _operations(app):
        _complete(made["paths"][operation.path][operation.method], operation)
    schemas["NewConversation"].update(PRIVATE_PAIR)
    schemas["ImportedMessage"].update(WHOLE_PLACE)
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    return {key: in_ecma(value) for key, value in made.items()}


@dataclass(frozen=True, slots=True)
class _Operation:
    path: str
    method: str
    handler: HTTPRouteHandler

    @property
    def statuses(self) -> list[int]:
        """Return the problems that this route can answer with."""
        opt = self.handler.opt
        found = {406, 429, 503} | set(opt.get("problems", ()))
        if self.handler.parsed_data_field is not None:
            found |= {400, 413, 415}
        if "{" in self.path or self.handler.parsed_fn_signature.parameters:
            found.add(400)
        if "{" in self.path:
            found.add(404)
        if not opt.get("public"):
            found |= {401, 403}
        return sorted(found)


def _operations(app: Litestar) -> Iterator[_Operation]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                if handler.resolve_include_in_schema():
                    yield _Operation(route.path_format, method.lower(), handler)


def _complete(shown: dict[str, Any], operation: _Operation) -> None:
    """Add the problems and the security of one operation."""
    responses = shown["responses"]
    _complete_refusals(responses, operation)
    for parameter in shown.get("parameters", ()):
        parameter["schema"] = _not_null(parameter["schema"])
    for name, told in operation.handler.opt.get("header_schemas", {}).items():
        for parameter in shown.get("parameters", ()):
            if parameter["name"] == name:
                parameter.update(told)
    if "body_type" in operation.handler.opt:
        types = operation.handler.opt["body_type"].split()
        content = {one: {"schema": BYTES} for one in types}
        needed = operation.method == "patch" or len(types) > 1
        shown["requestBody"] = {"content": content, "required": needed}
    if operation.handler.opt.get("bytes"):
        _complete_bytes(responses, has_body=operation.method != "head")
    if "file_types" in operation.handler.opt:
        content = {str(one): {"schema": BYTES} for one in operation.handler.opt["file_types"]}
        responses["200"] = {"description": "The file.", "headers": {}, "content": content}
    body = operation.handler.parsed_data_field
    if body is not None and body.has_default:
        shown["requestBody"]["required"] = False  # which Litestar says of none
    shown["security"] = [] if operation.handler.opt.get("public") else [{"bearer": []}]


def _complete_refusals(responses: dict[str, Any], operation: _Operation) -> None:
    responses.pop("400", None)  # Litestar's own idea of an error
    responses.get("204", {}).pop("content", None)  # Litestar gives it one if it has headers
    for status in operation.statuses:
        responses[str(int(status))] = {"$ref": f"#/components/responses/{_name(status)}"}
    if operation.handler.opt.get("oauth"):
        for status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED):
            responses[str(int(status))] = _problem_response(status, problems.OAUTH_MEDIA_TYPE)


def _complete_bytes(responses: dict[str, Any], *, has_body: bool) -> None:
    """Add the answers of a call that returns the bytes of a file, of whatever type."""
    content = {"content": {"*/*": {"schema": BYTES}}} if has_body else {}
    responses["200"] = {"description": "The whole file.", "headers": {}, **content}
    responses["206"] = {"description": "The part asked for.", "headers": {}, **content}
    responses["304"] = {"description": "The client has it."}


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter: one that is left out is not there, never null."""
    kinds = [one for one in schema.pop("oneOf", ()) if one != {"type": "null"}]
    merged = {**(kinds[0] if kinds else {}), **schema}
    if merged.get("type") == "integer":
        merged.setdefault("minimum", 0)  # Litestar leaves a bound of zero out
    return merged


def _name(status: int) -> str:
    if status == problems.WRONG_CHUNK:
        return "WrongChunk"
    return "".join(part.capitalize() for part in HTTPStatus(status).name.split("_"))


def _description(status: int) -> str:
    if status == problems.WRONG_CHUNK:
        return "The body has another checksum than it says"
    return HTTPStatus(status).description or HTTPStatus(status).phrase


def _problem_responses() -> dict[str, Any]:
    statuses: set[int] = {*problems.STATUS.values(), *problems.HTTP_CODES}
    statuses |= {HTTPStatus.INSUFFICIENT_STORAGE, problems.WRONG_CHUNK}
    made: dict[str, Any] = {}
    nobodys = {HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.INTERNAL_SERVER_ERROR}
    for status in sorted(statuses - nobodys):
        made[_name(status)] = _problem_response(status)
    return made


def _problem_response(status: int, *more_types: str) -> dict[str, Any]:
    schema = {"schema": {"$ref": REF.format(name="Problem")}}
    content = dict.fromkeys((problems.MEDIA_TYPE, *more_types), schema)
    made = {"description": _description(status), "content": content}
    header = _TOLD.get(status)
    if header is not None:
        shown = {"description": header[1], "schema": {"type": "string"}}
        made["headers"] = {header[0]: shown}
    return made


def _schemas(app: Litestar) -> dict[str, Any]:
    """Return the schemas of every struct that a route reads or writes, exact as msgspec is."""
    structs: set[type[msgspec.Struct]] = {problems.Problem}
    for operation in _operations(app):
        fields = [operation.handler.parsed_return_field, operation.handler.parsed_data_field]
        for field in fields:
            for one in [] if field is None else [field, *field.inner_types]:
                if isinstance(one.annotation, type) and issubclass(one.annotation, msgspec.Struct):
                    structs.add(one.annotation)
        for response in (operation.handler.responses or {}).values():
            if isinstance(response.data_container, type) and issubclass(
                response.data_container, msgspec.Struct
            ):
                structs.add(response.data_container)
    ordered = sorted(structs, key=lambda one: one.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=REF)
    components["JsonValue"] = JSON_VALUE
    for schema in components.values():
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])
    return components


def _problem_codes() -> dict[str, Any]:
    """Return what each `code` means, for the page that a problem's `type` leads to."""
    known = {
        error.code: {"status": int(status), "description": (error.__doc__ or "").split("\n")[0]}
        for error, status in problems.STATUS.items()
        if status != HTTPStatus.INTERNAL_SERVER_ERROR
    }
    for status, code in problems.HTTP_CODES.items():
        known.setdefault(code, {"status": int(status), "description": status.description})
    for code, text in OAUTH_CODES.items():
        known[code] = {"status": 401 if code == "invalid_client" else 400, "description": text}
    known["internal_error"] = {"status": 500, "description": "Our fault; it was logged."}
    return known
