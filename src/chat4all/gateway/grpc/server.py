"""The gRPC server: listens, tells how it is, and ends without losing what it began."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha.reflection import SERVICE_NAME as REFLECTION
from grpc_reflection.v1alpha.reflection import enable_server_reflection

from chat4all.domain.errors import BadSettings
from chat4all.gateway.grpc.deps import GrpcDeps
from chat4all.gateway.grpc.methods import handlers, services
from chat4all.gateway.grpc.stream import MessageStreams

log = structlog.get_logger(__name__)

GRACE_SECONDS = 5.0
"""How long calls may take to end after the signal to stop."""
LOOK_SECONDS = 2.0
"""How often it is asked whether the process is ready."""
MAX_MESSAGE = 4 * 1024 * 1024
OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.so_reuseport", 0),  # else a second server shares the port, and each gets some calls
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.max_concurrent_streams", 2_000),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 2),
)
"""A client that does not answer a ping is gone; one that pings more than every 10 s is sent off."""

Ready = Callable[[], Awaitable[Mapping[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """A certificate chain and its key, as PEM."""

    certificates: bytes
    key: bytes


class GrpcServer:
    """Serves `chat4all.v1`, grpc.health.v1 and reflection."""

    def __init__(self, deps: GrpcDeps, ready: Ready) -> None:
        self._deps = deps
        self._ready = ready
        self._streams = MessageStreams(deps)
        self._server = grpc.aio.server(options=OPTIONS)
        self._server.add_generic_rpc_handlers(tuple(handlers(deps, self._streams)))
        self._health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._names = [service.full_name for service in services()]
        enable_server_reflection([*self._names, HEALTH, REFLECTION], self._server)

    async def start(self, address: str, tls: Tls | None) -> int:
        """Listen on `address`; return the port. Raises `BadSettings`."""
        try:
            if tls is None:
                port = self._server.add_insecure_port(address)
            else:
                pair = [(tls.key, tls.certificates)]
                credentials = grpc.ssl_server_credentials(pair)
                port = self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise BadSettings(
                f"cannot listen on {address} for gRPC; choose another CHAT4ALL_GRPC_PORT, or see "
                "that the certificate of CHAT4ALL_GRPC_TLS_CERTIFICATE and its key are good"
            ) from error
        await self._say(await self._ready())
        self._deps.rest.tokens.when_revoked(self._streams.look_again)
        await self._server.start()
        return port

    async def follow(self) -> None:
        """Tell clients that ask for its health how the process is, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._say(await self._ready())

    async def farewell(self) -> None:
        """Take no more calls, and ask those who would stay to come back."""
        await self._health.enter_graceful_shutdown()
        self._streams.stop()

    async def aclose(self) -> None:
        """End: what is being done may end first."""
        await self.farewell()
        await self._server.stop(GRACE_SECONDS)

    async def _say(self, lacking: Mapping[str, Any]) -> None:
        response = health_pb2.HealthCheckResponse
        status = response.NOT_SERVING if lacking else response.SERVING
        for name in ("", *self._names):
            await self._health.set(name, status)
