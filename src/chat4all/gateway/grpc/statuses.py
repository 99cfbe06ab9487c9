"""The one place where errors become gRPC statuses, with the details of google.rpc.

https://google.aip.dev/193
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status as RpcStatus
from grpc import StatusCode
from msgspec import UnsetType

from chat4all.domain import errors
from chat4all.gateway.rest.problems import STATUS, Problem, incident_of, problem_of

DOMAIN = "chat4all"
"""Whose codes the reasons are."""
DETAILS = "grpc-status-details-bin"
"""The metadata that carries google.rpc.Status."""

_BY_HTTP = {
    HTTPStatus.BAD_REQUEST: StatusCode.INVALID_ARGUMENT,
    HTTPStatus.UNAUTHORIZED: StatusCode.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: StatusCode.PERMISSION_DENIED,
    HTTPStatus.NOT_FOUND: StatusCode.NOT_FOUND,
    HTTPStatus.GONE: StatusCode.NOT_FOUND,
    HTTPStatus.CONFLICT: StatusCode.FAILED_PRECONDITION,
    HTTPStatus.LOCKED: StatusCode.ABORTED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.UNPROCESSABLE_ENTITY: StatusCode.FAILED_PRECONDITION,
    HTTPStatus.TOO_MANY_REQUESTS: StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.INTERNAL_SERVER_ERROR: StatusCode.INTERNAL,
    HTTPStatus.BAD_GATEWAY: StatusCode.UNAVAILABLE,
    HTTPStatus.SERVICE_UNAVAILABLE: StatusCode.UNAVAILABLE,
}
_FINER: dict[type[errors.Chat4AllError], StatusCode] = {
    errors.MessageIdConflict: StatusCode.ALREADY_EXISTS,
    errors.UsernameTaken: StatusCode.ALREADY_EXISTS,
    errors.ChannelTaken: StatusCode.ALREADY_EXISTS,
    errors.StaleSequence: StatusCode.ABORTED,
    errors.OffsetConflict: StatusCode.ABORTED,
}
"""What HTTP has one status for and gRPC several."""

CODE: dict[type[errors.Chat4AllError], StatusCode] = {
    kind: _FINER.get(kind, _BY_HTTP[status]) for kind, status in STATUS.items()
}
"""Every error of the domain, and the status it is answered with."""


class Ended(Exception):
    """A stream is ended by us: `code` is the reason that a client can act on."""

    def __init__(self, status: StatusCode, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a call failed, as its client is told; `fields` of an invalid request, as paths."""

    status: StatusCode
    code: str
    detail: str
    fields: tuple[tuple[str, str], ...] = ()
    retry_after: float = 0.0
    trace_id: str = ""

    def details(self) -> bytes:
        """Return the google.rpc.Status, as bytes."""
        number: int = self.status.value[0]
        about = {"trace_id": self.trace_id} if self.trace_id else {}
        info = ErrorInfo(reason=self.code, domain=DOMAIN, metadata=about)
        status = RpcStatus(code=number, message=self.detail, details=[_packed(info)])
        if self.fields:
            found = [
                BadRequest.FieldViolation(field=path, description=words)
                for path, words in self.fields
            ]
            status.details.append(_packed(BadRequest(field_violations=found)))
        if self.retry_after:
            delay = Duration()
            delay.FromTimedelta(timedelta(seconds=self.retry_after))
            status.details.append(_packed(RetryInfo(retry_delay=delay)))
        encoded: bytes = status.SerializeToString()
        return encoded


def refusal_of(error: Exception, method: str) -> Refusal:
    """Return what the client of `method` is told; what is ours to fix is logged, and not told."""
    if isinstance(error, Ended):
        return Refusal(status=error.status, code=error.code, detail=str(error))
    known = isinstance(error, errors.Chat4AllError) and CODE[type(error)]
    if not isinstance(error, errors.Chat4AllError) or known is StatusCode.INTERNAL:
        return _refusal(StatusCode.INTERNAL, incident_of(error, "gRPC", method))
    retry = error.retry_after if isinstance(error, (errors.RateLimited, errors.Unavailable)) else 0
    return _refusal(CODE[type(error)], problem_of(error, instance=method), retry_after=retry)


def _refusal(status: StatusCode, problem: Problem, *, retry_after: float = 0.0) -> Refusal:
    found = () if isinstance(problem.errors, UnsetType) else problem.errors
    return Refusal(
        status=status,
        code=problem.code,
        detail=problem.detail,
        fields=tuple((_path(one.pointer), one.detail) for one in found),
        retry_after=retry_after,
        trace_id="" if isinstance(problem.trace_id, UnsetType) else problem.trace_id,
    )


def _path(pointer: str) -> str:
    """Return a JSON pointer as the path of a field.

    >>> _path("/message/to/2")
    'message.to.2'
    """
    return pointer.removeprefix("/").replace("/", ".").replace("~1", "/").replace("~0", "~")


def _packed(detail: ErrorInfo | BadRequest | RetryInfo) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)
    return packed
