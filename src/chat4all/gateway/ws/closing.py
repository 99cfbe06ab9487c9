"""Why a WebSocket ends, and which errors end it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum

from chat4all.domain.errors import (
    Chat4AllError,
    InvalidInput,
    InvalidToken,
    NotPermitted,
    RateLimited,
    Unavailable,
)


class Close(IntEnum):
    """Why the server closes; after all but the first the client may come back."""

    UNAUTHENTICATED = 4401
    NOT_PERMITTED = 4403
    AUTH_TIMEOUT = 4408
    SLOW_CLIENT = 4429
    TOO_LARGE = 1009
    RESTART = 1012
    TRY_LATER = 1013


class Closed(Exception):
    """The connection ends, with `code` when it is we who end it."""

    def __init__(self, code: Close | None = None, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


_ENDS: Mapping[type[Chat4AllError], Close] = {
    InvalidToken: Close.UNAUTHENTICATED,
    NotPermitted: Close.NOT_PERMITTED,
    InvalidInput: Close.NOT_PERMITTED,
    RateLimited: Close.TRY_LATER,
    Unavailable: Close.TRY_LATER,
}


@contextmanager
def closing(*only: type[Chat4AllError]) -> Iterator[None]:
    """End the connection for what keeps a client out; with `only` for nothing else."""
    try:
        yield
    except Chat4AllError as error:
        ends = only or tuple(_ENDS)
        if not isinstance(error, ends):
            raise
        code = next(code for kind, code in _ENDS.items() if isinstance(error, kind))
        raise Closed(code, str(error)) from error
