"""What the gRPC API stands on; the composition root fills it in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from chat4all.domain.ids import UserId
from chat4all.gateway.rest.deps import RestDeps
from chat4all.ports.tracing import Tracing, Untraced
from chat4all.services.signals import Signals
from chat4all.services.subscription import Subscription


class RpcMeter(Protocol):
    """Who counts calls."""

    def rpc(self, method: str, status: str, seconds: float) -> None:
        """Count one call that is over."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcDeps:
    """The services of REST, and what only streams need.

    `source_of` tells who asks, from the address that the connection comes from and the
    `x-forwarded-for` of the call.
    """

    rest: RestDeps
    subscribe: Callable[[UserId], Subscription]
    signals: Signals
    source_of: Callable[[str, str], Awaitable[str]]
    meter: RpcMeter
    tracing: Tracing = field(default_factory=Untraced)
