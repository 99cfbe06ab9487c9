"""An unchanged grpcio client of the contract: what it calls follows from the request."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from grpc_status.rpc_status import from_call

from chat4all.gateway.grpc.generated import auth_service_pb2 as auth
from chat4all.gateway.grpc.generated import (
    conversation_service_pb2,
    file_service_pb2,
    message_service_pb2,
    presence_service_pb2,
)
from tests.e2e.account import PASSWORD

PATIENCE = 60.0
_FILES = (
    auth,
    conversation_service_pb2,
    file_service_pb2,
    message_service_pb2,
    presence_service_pb2,
)
METHODS: dict[type[Message], MethodDescriptor] = {
    GetMessageClass(method.input_type): method
    for file in _FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
"""Every method of the contract, by the type of its request."""


class Client:
    """One person at one address."""

    def __init__(self, channel: grpc.aio.Channel, token: str = "") -> None:
        self.channel = channel
        self.user_id = ""
        self.token = token

    @classmethod
    @asynccontextmanager
    async def at(
        cls,
        address: str,
        token: str = "",
        *,
        options: Sequence[tuple[str, int]] = (),
    ) -> AsyncIterator[Self]:
        """Connect until the block ends."""
        async with grpc.aio.insecure_channel(address, options=options) as channel:
            yield cls(channel, token)

    async def sign_up(self, username: str) -> Self:
        """Make an account and sign in; return this client."""
        made = await self.ask(auth.RegisterRequest(username=username, password=PASSWORD))
        tokens = await self.ask(auth.SignInRequest(username=username, password=PASSWORD))
        self.user_id, self.token = made.user.id, tokens.tokens.access_token
        return self

    def call(self, request: Any, kind: type[Message] | None = None, **options: Any) -> Any:
        """Begin a call; a stream of requests is told its `kind`."""
        method = METHODS[kind or type(request)]
        path = f"/{method.containing_service.full_name}/{method.name}"
        sides = ["stream" if one else "unary" for one in _streams(method)]
        make = getattr(self.channel, "_".join(sides))(
            path,
            request_serializer=GetMessageClass(method.input_type).SerializeToString,
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        return make(request, **{"metadata": self.metadata, **options})

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()

    async def ask(self, request: Message, **options: Any) -> Any:
        """Make one call; return its answer."""
        return await self.call(request, **{"timeout": PATIENCE, **options})

    async def pour(
        self, requests: Iterable[Message] | AsyncIterable[Message], kind: type[Message]
    ) -> Any:
        """Make one call of many requests; return its answer."""
        return await self.call(requests, kind, timeout=PATIENCE)


def _streams(method: MethodDescriptor) -> tuple[bool, bool]:
    return method.client_streaming, method.server_streaming


def details(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    """Return the details of an error by their kinds, and its `reason`."""
    status = from_call(error)
    assert status is not None, error
    found: dict[str, Any] = {"code": error.code(), "message": status.message}
    for one in status.details:
        name = one.type_url.rpartition(".")[2]
        detail = getattr(error_details_pb2, name)()
        one.Unpack(detail)
        found[name] = detail
    found["reason"] = found["ErrorInfo"].reason
    return found
