"""What can go wrong for a program that uses the client, as one tree.

ClientError
├── NotReached           no answer came in time; what was asked may have been done
├── WrongSignature       a webhook is not from Chat4All, or is an old one
└── Refused              the server said no: `status`, `code`, `title`, `detail`, `errors`
    ├── Invalid          400, 413, 415, 422: what was sent breaks a rule
    ├── Unauthenticated  401, and a sign-in with a wrong password
    ├── NotPermitted     403
    ├── NotFound         404, 410
    ├── Conflict         409, 423
    ├── RateLimited      429
    └── Unavailable      502, 503, 504, 507

`code` is stable; docs/reference/errors.md lists them all.
"""

from __future__ import annotations

from http import HTTPStatus

import httpx
import msgspec

from chat4all.client.pauses import retry_after


class ClientError(Exception):
    """The root."""


class NotReached(ClientError):
    """No answer came in time; what was asked may have been done all the same."""


class WrongSignature(ClientError):
    """A webhook that Chat4All did not send, or not lately."""


class FieldError(msgspec.Struct, frozen=True):
    """One thing wrong with what was sent: where (RFC 6901), and what."""

    pointer: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The problem details of an answer (RFC 9457)."""

    title: str = ""
    detail: str = ""
    code: str = ""
    errors: tuple[FieldError, ...] = ()


class Refused(ClientError):
    """The server said no. `retry_after` is in seconds, where it told that."""

    def __init__(self, status: int, problem: Problem, wait: float | None = None) -> None:
        super().__init__(status, problem, wait)
        self.status = status
        self.code = problem.code
        self.title = problem.title
        self.detail = problem.detail
        self.errors = problem.errors
        self.retry_after = wait

    def __str__(self) -> str:
        if not self.errors:
            return self.detail
        return f"{self.detail} ({'; '.join(f'{one.pointer}: {one.detail}' for one in self.errors)})"


class Invalid(Refused):
    """What was sent breaks a rule; `errors` say which."""


class Unauthenticated(Refused):
    """No sign-in, or a wrong one."""


class NotPermitted(Refused):
    """One may see the thing, and may not do this to it."""


class NotFound(Refused):
    """It does not exist, or not for who asks."""


class Conflict(Refused):
    """It does not go with what is there, as another message of the same id."""


class RateLimited(Refused):
    """Too many calls."""


class Unavailable(Refused):
    """The server cannot do it now."""


_KINDS: dict[int, type[Refused]] = {
    HTTPStatus.BAD_REQUEST: Invalid,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Invalid,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: Invalid,
    HTTPStatus.UNPROCESSABLE_ENTITY: Invalid,
    HTTPStatus.UNAUTHORIZED: Unauthenticated,
    HTTPStatus.FORBIDDEN: NotPermitted,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.GONE: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.LOCKED: Conflict,
    HTTPStatus.TOO_MANY_REQUESTS: RateLimited,
    HTTPStatus.BAD_GATEWAY: Unavailable,
    HTTPStatus.SERVICE_UNAVAILABLE: Unavailable,
    HTTPStatus.GATEWAY_TIMEOUT: Unavailable,
    HTTPStatus.INSUFFICIENT_STORAGE: Unavailable,
}
_CODES: dict[str, type[Refused]] = {"invalid_grant": Unauthenticated}
"""A wrong password is a 400 of the token endpoint (RFC 6749 section 5.2)."""


def refusal(answer: httpx.Response) -> Refused:
    """Return the error that an answer is; what is no problem details has its status alone."""
    try:
        problem = msgspec.json.decode(answer.content, type=Problem)
    except msgspec.MsgspecError:
        problem = Problem()
    if not problem.detail:
        said = f"the server answered {answer.status_code} {answer.reason_phrase}"
        problem = msgspec.structs.replace(problem, detail=said)
    kind = _CODES.get(problem.code) or _KINDS.get(answer.status_code, Refused)
    return kind(answer.status_code, problem, retry_after(answer.headers))


def refused(status: int, detail: str, code: str = "") -> Refused:
    """Return the error that a WebSocket was refused with."""
    return _KINDS.get(status, Refused)(status, Problem(detail=detail, code=code))
