"""The one place where errors become HTTP answers: problem details.

https://www.rfc-editor.org/rfc/rfc9457
"""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.params import ParameterKwarg

from chat4all.domain import errors
from chat4all.domain.contact_merges import ContactChanged
from chat4all.domain.ids import new_id
from chat4all.gateway.rest.schemas.templates import ApprovedTemplate
from chat4all.gateway.rest.schemas.text import IN_WORDS
from chat4all.telemetry import current

MEDIA_TYPE = "application/problem+json"
OAUTH_MEDIA_TYPE = "application/json"
"""What RFC 6749 wants refusals of the token endpoint to be; its clients read nothing else."""
REALM = 'Bearer realm="chat4all"'
WRONG_CHUNK = 460
"""The status of tus for a body whose checksum is wrong; HTTP itself does not have it."""

STATUS: dict[type[errors.Chat4AllError], HTTPStatus] = {
    errors.Chat4AllError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.InvalidInput: HTTPStatus.BAD_REQUEST,
    errors.TemplateUnknown: HTTPStatus.BAD_REQUEST,
    errors.TemplateMismatch: HTTPStatus.BAD_REQUEST,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.InvalidToken: HTTPStatus.UNAUTHORIZED,
    errors.NotPermitted: HTTPStatus.FORBIDDEN,
    errors.InsufficientScope: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.UserNotFound: HTTPStatus.NOT_FOUND,
    errors.ConversationNotFound: HTTPStatus.NOT_FOUND,
    errors.MessageNotFound: HTTPStatus.NOT_FOUND,
    errors.ChannelNotFound: HTTPStatus.NOT_FOUND,
    errors.AccountNotFound: HTTPStatus.NOT_FOUND,
    errors.KeyNotFound: HTTPStatus.NOT_FOUND,
    errors.RecordNotFound: HTTPStatus.NOT_FOUND,
    errors.EndpointNotFound: HTTPStatus.NOT_FOUND,
    errors.FileNotFound: HTTPStatus.NOT_FOUND,
    errors.FileGone: HTTPStatus.GONE,
    errors.UploadNotFound: HTTPStatus.NOT_FOUND,
    errors.ObjectNotFound: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.MessageIdConflict: HTTPStatus.CONFLICT,
    errors.TooLate: HTTPStatus.CONFLICT,
    errors.UsernameTaken: HTTPStatus.CONFLICT,
    errors.ChannelTaken: HTTPStatus.CONFLICT,
    ContactChanged: HTTPStatus.CONFLICT,
    errors.StaleSequence: HTTPStatus.CONFLICT,
    errors.SessionWindowClosed: HTTPStatus.CONFLICT,
    errors.FileNotReady: HTTPStatus.CONFLICT,
    errors.OffsetConflict: HTTPStatus.CONFLICT,
    errors.UploadBusy: HTTPStatus.LOCKED,
    errors.ChecksumMismatch: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.HarmfulFile: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.QuotaExceeded: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.Unreachable: HTTPStatus.CONFLICT,
    errors.RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.StorageFull: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ChannelError: HTTPStatus.BAD_GATEWAY,
    errors.WebhookRejected: HTTPStatus.UNAUTHORIZED,
    errors.UnreadableRecord: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.StartRefused: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.EngineMissing: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.BadSettings: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.DataFolderInUse: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.MoveRefused: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.SchemaTooNew: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.StorageCorrupt: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Every error of the domain, and the status it is answered with; a test finds what is missing."""

HTTP_CODES = {
    HTTPStatus.BAD_REQUEST: "validation_failed",
    HTTPStatus.UNAUTHORIZED: "unauthenticated",
    HTTPStatus.FORBIDDEN: "not_permitted",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.NOT_ACCEPTABLE: "not_acceptable",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
    HTTPStatus.REQUEST_TIMEOUT: "too_slow",
    HTTPStatus.PRECONDITION_FAILED: "wrong_version",
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: "range_not_satisfiable",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
}
"""The `code` of what the framework refuses before a service is asked."""

_WITH_TEMPLATES = (errors.TemplateUnknown, errors.TemplateMismatch, errors.SessionWindowClosed)

_log = logging.getLogger(__name__)


class WrongChunk(Exception):
    """The body of one upload call has another checksum than it says; nothing of it is kept."""


class NoSuchRange(Exception):
    """The range asked for lies outside the `size` bytes that there are."""

    def __init__(self, size: int) -> None:
        super().__init__(f"there are {size} bytes, and the range holds none of them")
        self.size = size


class FieldProblem(msgspec.Struct, frozen=True):
    """One thing wrong: where (RFC 6901; a parameter is `/name`), and what."""

    pointer: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Problem details; `error` and `error_description` on the OAuth 2 endpoints only.

    `templates` are what would do instead, where that is the problem. `trace_id` is the trace
    of the request, where requests are followed.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[FieldProblem] | msgspec.UnsetType = msgspec.UNSET
    templates: list[ApprovedTemplate] | msgspec.UnsetType = msgspec.UNSET
    trace_id: str | msgspec.UnsetType = msgspec.UNSET
    error: str | msgspec.UnsetType = msgspec.UNSET
    error_description: str | msgspec.UnsetType = msgspec.UNSET


class OAuthError(Exception):
    """A refusal in the words of RFC 6749 section 5.2; `basic` asks for HTTP Basic."""

    def __init__(
        self,
        error: str,
        detail: str,
        status: HTTPStatus = HTTPStatus.BAD_REQUEST,
        *,
        basic: bool = False,
    ) -> None:
        super().__init__(detail)
        self.error = error
        self.status = status
        self.basic = basic


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    instance: str,
    found: tuple[tuple[str, str], ...] = (),
    oauth: str | None = None,
) -> Problem:
    """Return the problem details; `type` leads to the explanation in `/docs`."""
    return Problem(
        type=f"/docs#problem-{code}",
        title=code.replace("_", " ").capitalize(),
        status=int(status),
        detail=detail,
        instance=instance,
        code=code,
        errors=[FieldProblem(*one) for one in found] or msgspec.UNSET,
        trace_id=current.trace_id() or msgspec.UNSET,
        error=msgspec.UNSET if oauth is None else oauth,
        error_description=msgspec.UNSET if oauth is None else detail,
    )


def problem_of(error: errors.Chat4AllError, *, instance: str) -> Problem:
    """Return the problem details of a domain error; what is ours to fix is not told."""
    status = STATUS[type(error)]
    found = error.errors if isinstance(error, errors.InvalidInput) else ()
    detail = str(error) if status != HTTPStatus.INTERNAL_SERVER_ERROR else "an internal error"
    told = problem(status, error.code, detail, instance=instance, found=found)
    if isinstance(error, _WITH_TEMPLATES) and error.templates:
        shown = [ApprovedTemplate.of(one) for one in error.templates]
        told = msgspec.structs.replace(told, templates=shown)
    return told


def headers_of(error: errors.Chat4AllError) -> dict[str, str]:
    """Return the headers that go with a domain error."""
    if isinstance(error, (errors.RateLimited, errors.Unavailable)):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
    if isinstance(error, errors.InvalidToken):
        return {"WWW-Authenticate": f'{REALM}, error="invalid_token"'}
    if isinstance(error, errors.InsufficientScope):
        lacks = f'error="insufficient_scope", scope="{error.scope}"'
        return {"WWW-Authenticate": f"{REALM}, {lacks}"}
    if isinstance(error, errors.Unauthenticated):
        return {"WWW-Authenticate": REALM}
    if isinstance(error, errors.WebhookRejected):
        return {"WWW-Authenticate": 'Signature realm="webhooks"'}
    return {}


def _answer(
    body: Problem, headers: dict[str, str] | None = None, media_type: str = MEDIA_TYPE
) -> Response[bytes]:
    return Response(
        msgspec.json.encode(body),
        status_code=body.status,
        media_type=media_type,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def on_domain_error(
    request: Request[Any, Any, Any], error: errors.Chat4AllError
) -> Response[bytes]:
    """Answer an error of the domain."""
    if STATUS[type(error)] == HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_unexpected(request, error)
    return _answer(problem_of(error, instance=request.url.path), headers_of(error))


def on_oauth_error(request: Request[Any, Any, Any], error: OAuthError) -> Response[bytes]:
    """Answer a refusal of the token endpoint."""
    body = problem(
        error.status, error.error, str(error), instance=request.url.path, oauth=error.error
    )
    headers = {"Pragma": "no-cache"}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Basic realm="chat4all"' if error.basic else REALM
    return _answer(body, headers, OAUTH_MEDIA_TYPE)


def on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer what the framework refused: routes, methods, media types, parameters."""
    if error.detail == GONE:
        return _on_disconnect(request)
    status = HTTPStatus(error.status_code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_unexpected(request, error)
    code = HTTP_CODES.get(status, "error")
    found = _parameters(request, error) if isinstance(error, ValidationException) else ()
    detail = "a parameter breaks a rule" if found else _DETAILS.get(status, str(error.detail))
    body = problem(status, code, detail, instance=request.url.path, found=found)
    return _answer(body, dict(error.headers or {}))


def on_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Log what should not have happened under an id, and tell only the id."""
    return _answer(incident_of(error, request.method, request.url.path))


def incident_of(error: Exception, method: str, path: str) -> Problem:
    """Log an error that is ours to fix under an id; return a problem that tells only the id."""
    incident = new_id()
    _log.error("unhandled error %s in %s %s", incident, method, path, exc_info=error)
    detail = f"something went wrong on our side; quote {incident} to the operator"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return problem(status, "internal_error", detail, instance=f"urn:uuid:{incident}")


GONE = "client disconnected prematurely"
"""What Litestar says, as an error of the server, when a client leaves in the middle of a body."""


def _on_disconnect(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Note it; the answer is for the metrics, since nobody is left to read it."""
    _log.debug("the client left in the middle of %s %s", request.method, request.url.path)
    detail = "the body did not arrive whole"
    return _answer(
        problem(HTTPStatus.BAD_REQUEST, "validation_failed", detail, instance=request.url.path)
    )


_DETAILS = {
    HTTPStatus.NOT_FOUND: "there is nothing at this address",
    HTTPStatus.METHOD_NOT_ALLOWED: "this address does not know the method; see the Allow header",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is over the limit of this call",
}


def _parameters(
    request: Request[Any, Any, Any], error: ValidationException
) -> tuple[tuple[str, str], ...]:
    extra = error.extra if isinstance(error.extra, list) else []
    names = _names_of_parameters(request)
    found = [
        ("/" + names.get(key, key).removeprefix("data"), str(one.get("message", "")))
        for one in extra
        if isinstance(one, dict)
        for key in [str(one.get("key", ""))]
    ]
    return tuple(
        (pointer.rstrip("/"), IN_WORDS.get(detail, detail)) for pointer, detail in found
    ) or (("", str(error.detail)),)


def _names_of_parameters(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Return what parameters are called in requests, where the code has another word."""
    declared = request.route_handler.parsed_fn_signature.parameters
    kinds = {name: one.kwarg_definition for name, one in declared.items()}
    return {
        name: kind.name
        for name, kind in kinds.items()
        if isinstance(kind, ParameterKwarg) and kind.name
    }


def on_full_storage(request: Request[Any, Any, Any], error: errors.StorageFull) -> Response[bytes]:
    """Answer an upload for which there is no room (RFC 4918 section 11.5)."""
    status = HTTPStatus.INSUFFICIENT_STORAGE
    body = problem(status, error.code, str(error), instance=request.url.path)
    return _answer(body, headers_of(error))


def on_wrong_chunk(request: Request[Any, Any, Any], error: WrongChunk) -> Response[bytes]:
    """Answer a body that was damaged on its way."""
    code = errors.ChecksumMismatch.code
    return _answer(problem(WRONG_CHUNK, code, str(error), instance=request.url.path))


def on_no_such_range(request: Request[Any, Any, Any], error: NoSuchRange) -> Response[bytes]:
    """Answer a range that cannot be satisfied (RFC 9110 section 15.5.17)."""
    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    body = problem(status, HTTP_CODES[status], str(error), instance=request.url.path)
    return _answer(body, {"Content-Range": f"bytes */{error.size}"})


FILE_HANDLERS: dict[int | type[Exception], Any] = {
    errors.StorageFull: on_full_storage,
    WrongChunk: on_wrong_chunk,
    NoSuchRange: on_no_such_range,
}
"""For the controllers of files, over `HANDLERS`."""

HANDLERS: dict[int | type[Exception], Any] = {
    errors.Chat4AllError: on_domain_error,
    OAuthError: on_oauth_error,
    HTTPException: on_http_exception,
    Exception: on_unexpected,
}
"""For `Litestar(exception_handlers=...)`."""
