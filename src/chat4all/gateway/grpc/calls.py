"""One call from its beginning to its end: who asks, what fails, what is counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar
from urllib.parse import unquote

import msgspec
from google.protobuf.message import Message
from grpc import StatusCode
from grpc.aio import ServicerContext

from chat4all.domain.errors import TooLarge, Unauthenticated
from chat4all.domain.ids import UserId
from chat4all.gateway.grpc.deps import GrpcDeps
from chat4all.gateway.grpc.objects import plain
from chat4all.gateway.grpc.scopes import scope_of
from chat4all.gateway.grpc.statuses import DETAILS, Ended, Refusal, refusal_of
from chat4all.gateway.rest.bearer import ON_BEHALF_OF, behalf
from chat4all.gateway.rest.strict_json import decode
from chat4all.gateway.within import Within
from chat4all.ports.access_tokens import Principal
from chat4all.ports.tracing import Kind, Span
from chat4all.telemetry.trace_context import place_of

R = TypeVar("R", bound=Message)
S = TypeVar("S")
T = TypeVar("T")

MAX_REQUEST = 256 * 1024
"""Bytes of a request that is read as JSON would be, as of a body of REST."""
SEND_SECONDS = 20.0
"""How long a client may take for one message of a stream."""

Context = ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[R]):
    """What a handler knows of its call, beside the request.

    `token` is empty in a public call, and `source`, who calls, in all others.
    """

    context: Context
    response: type[R]
    caller: Principal | None
    token: str
    source: str

    @property
    def user_id(self) -> UserId:
        """Return who calls."""
        if self.caller is None:
            raise Unauthenticated("this call takes a signed-in user")
        return self.caller.user_id

    async def tell(self, response: R) -> None:
        """Send one message of a stream. Raises `Ended` when the client does not take it."""
        try:
            with Within(SEND_SECONDS):
                await self.context.write(response)
        except TimeoutError as error:
            raise slow_client() from error


def slow_client() -> Ended:
    """Return what ends a stream whose client does not read it."""
    detail = "you read too slowly; call again with the last cursor"
    return Ended(StatusCode.RESOURCE_EXHAUSTED, "slow_client", detail)


def asked(request: Message, shape: type[S], **more: object) -> S:
    """Return a request as a struct of ours, by the rules of REST. Raises `InvalidInput`."""
    if request.ByteSize() > MAX_REQUEST:
        raise TooLarge(f"this request has at most {MAX_REQUEST} bytes")
    read: S = decode(msgspec.json.encode({**plain(request), **more}), shape)
    return read


class Calls:
    """Runs the work of calls: signs the caller in, follows, counts, and tells what failed."""

    def __init__(self, deps: GrpcDeps) -> None:
        self._deps = deps

    async def run(
        self,
        context: Context,
        method: str,
        response: type[R],
        work: Callable[[Call[R]], Awaitable[T]],
        *,
        public: bool,
    ) -> T:
        """Return what `work` returns; an error ends the call with its status."""
        began, status = time.perf_counter(), StatusCode.OK
        try:
            told = _metadata(context)
            with self._followed(told, method) as span:
                try:
                    call = await self._call(context, told, response, "" if public else method)
                    return await work(call)
                except Exception as error:  # noqa: BLE001 - the edge: whatever it is, a status answers
                    refusal = refusal_of(error, method)
                    status = refusal.status
                    span.failed(refusal.code)
                except asyncio.CancelledError:
                    status = _how_it_was_left(context)
                    raise
                finally:
                    span.note({"rpc.response.status_code": status.name})
            await _refuse(context, refusal)
        finally:
            self._deps.meter.rpc(method, status.name, time.perf_counter() - began)

    async def _call(
        self, context: Context, told: Mapping[str, str], response: type[R], guarded: str
    ) -> Call[R]:
        """Return the call of a method; `guarded` is its name unless anybody may call it."""
        caller, token, source = None, "", ""
        if guarded:
            scheme, _, token = told.get("authorization", "").partition(" ")
            token = token.strip()
            if scheme.lower() != "bearer" or not token:
                raise Unauthenticated("send an access token: authorization: Bearer <token>")
            access = self._deps.rest.access
            caller = await access.identify(token, behalf(told.get(ON_BEHALF_OF)))
            await access.admit(caller, scope_of(guarded), guarded)
        else:
            forwarded = told.get("x-forwarded-for", "")
            source = await self._deps.source_of(_host(context.peer()), forwarded)
        return Call(context=context, response=response, caller=caller, token=token, source=source)

    def _followed(self, told: Mapping[str, str], method: str) -> AbstractContextManager[Span]:
        attributes = {"rpc.system.name": "grpc", "rpc.method": method}
        place = place_of([told.get("traceparent", "")], [told.get("tracestate", "")])
        if place:
            return self._deps.tracing.follow(place, method, Kind.SERVER, attributes)
        return self._deps.tracing.begin(method, Kind.SERVER, attributes)


async def _refuse(context: Context, refusal: Refusal) -> NoReturn:
    trailing = ((DETAILS, refusal.details()),)
    await context.abort(refusal.status, refusal.detail, trailing)


def _how_it_was_left(context: Context) -> StatusCode:
    left = context.time_remaining()
    late = left is not None and left <= 0
    return StatusCode.DEADLINE_EXCEEDED if late else StatusCode.CANCELLED


def _metadata(context: Context) -> Mapping[str, str]:
    """Return the text metadata of a call; of what comes twice, the first."""
    told: dict[str, str] = {}
    for name, value in context.invocation_metadata() or ():
        if isinstance(value, str):
            told.setdefault(name, value)
    return told


def _host(peer: str) -> str:
    """Return the address of a peer.

    >>> _host("ipv4:192.0.2.1:5000"), _host("ipv6:%5B2001:db8::1%5D:5000"), _host("unix:")
    ('192.0.2.1', '2001:db8::1', 'unknown')
    """
    family, _, place = unquote(peer).partition(":")
    if family not in {"ipv4", "ipv6"}:
        return "unknown"
    return place.rpartition(":")[0].strip("[]")
