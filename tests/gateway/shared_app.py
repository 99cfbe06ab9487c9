"""One REST application for all worlds of a process: making one takes longer than most tests."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, cast

from litestar import Litestar

from chat4all.gateway.rest.app import create_rest_app
from chat4all.gateway.rest.deps import RestDeps
from chat4all.testing.listening import Receive, Scope, Send

_called: ContextVar[RestDeps] = ContextVar("called")
"""What the world stands on whose client made the call."""


class _Standing:
    """Stands for what `find` finds at the moment."""

    def __init__(self, find: Callable[[], Any]) -> None:
        self._find = find

    def __getattr__(self, name: str) -> Any:
        return getattr(self._find(), name)


class _StandingDeps(_Standing):
    """Stands for all of it; what the application takes out when it is made stands, too."""

    def __init__(self) -> None:
        super().__init__(_called.get)
        self.tokens = _Standing(lambda: _called.get().tokens)
        self.access = _Standing(lambda: _called.get().access)
        self.files = _Standing(lambda: _called.get().files)


@lru_cache(1)
def _app() -> Litestar:
    return create_rest_app(cast("Any", _StandingDeps()))


class AppOf:
    """The application as the clients of one world call it."""

    def __init__(self, deps: RestDeps) -> None:
        self._deps = deps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _called.set(self._deps)
        await cast("Any", _app())(scope, receive, send)
