"""The methods of `chat4all.v1`, each with what answers it.

A method of the contract is answered by the function of its name, so one that nobody answers
stops the start.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc import (
    GenericRpcHandler,
    RpcMethodHandler,
    method_handlers_generic_handler,
    stream_unary_rpc_method_handler,
    unary_stream_rpc_method_handler,
    unary_unary_rpc_method_handler,
)

from chat4all.gateway.grpc.authentication import AuthCalls
from chat4all.gateway.grpc.calls import Call, Calls, Context
from chat4all.gateway.grpc.conversations import ConversationCalls
from chat4all.gateway.grpc.deps import GrpcDeps
from chat4all.gateway.grpc.files import FileCalls
from chat4all.gateway.grpc.generated import (
    auth_service_pb2,
    conversation_service_pb2,
    file_service_pb2,
    message_service_pb2,
    presence_service_pb2,
)
from chat4all.gateway.grpc.messages import MessageCalls
from chat4all.gateway.grpc.objects import shown
from chat4all.gateway.grpc.presence import PresenceCalls
from chat4all.gateway.grpc.stream import MessageStreams

FILES = (
    auth_service_pb2,
    conversation_service_pb2,
    file_service_pb2,
    message_service_pb2,
    presence_service_pb2,
)
PUBLIC = "chat4all.v1.AuthService"
"""The service whose calls need no token."""


def services() -> Iterator[ServiceDescriptor]:
    """Yield the services of the contract."""
    for file in FILES:
        yield from file.DESCRIPTOR.services_by_name.values()


def handlers(deps: GrpcDeps, streams: MessageStreams) -> Iterator[GenericRpcHandler]:
    """Yield what answers each of the services. Raises `AttributeError` for a lacking method."""
    calls = Calls(deps)
    answering: Mapping[str, object] = {
        "AuthService": AuthCalls(deps),
        "ConversationService": ConversationCalls(deps),
        "FileService": FileCalls(deps),
        "MessageService": MessageCalls(deps, streams),
        "PresenceService": PresenceCalls(deps),
    }
    for service in services():
        methods = {
            method.name: _handler(calls, method, getattr(answering[service.name], _snake(method)))
            for method in service.methods
        }
        yield method_handlers_generic_handler(service.full_name, methods)


def _handler(calls: Calls, method: MethodDescriptor, answer: Any) -> RpcMethodHandler[Any, Any]:
    service = method.containing_service.full_name
    name, response = f"{service}/{method.name}", GetMessageClass(method.output_type)

    async def run(request: Any, context: Context) -> Any:
        async def work(call: Call[Any]) -> Any:
            result = await answer(request, call)
            return None if method.server_streaming else shown(response(), result)

        return await calls.run(context, name, response, work, public=service == PUBLIC)

    make: Any = unary_unary_rpc_method_handler
    if method.client_streaming:
        make = stream_unary_rpc_method_handler
    elif method.server_streaming:
        make = unary_stream_rpc_method_handler
    made: RpcMethodHandler[Any, Any] = make(
        run,
        request_deserializer=GetMessageClass(method.input_type).FromString,
        response_serializer=response.SerializeToString,
    )
    return made


def _snake(method: MethodDescriptor) -> str:
    """Return the name of a method as Python has it."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower()
