"""Calls of gRPC by grpcio, the client that programs in Python have: one message, or a stream.

It costs the generator more than the raw clients of the other ways, which the report tells.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import repeat
from time import perf_counter

import grpc

from bench.drive import NO_ANSWER, Answered
from bench.job import Job
from chat4all.gateway.grpc.generated import message_pb2
from chat4all.gateway.grpc.generated import message_service_pb2 as pb

CHANNELS = 8
"""Connections that the senders share."""
STREAMED = 10
"""Messages in one stream; it is answered once, when all of them were sent."""
PATIENCE = 60.0
SEND_MESSAGE = "/chat4all.v1.MessageService/SendMessage"
_SEND_MESSAGES = "/chat4all.v1.MessageService/SendMessages"
_OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),  # else all channels to one address are one connection
    ("grpc.enable_http_proxy", 0),
)

Call = Callable[[bytes], Awaitable[tuple[list[str], list[str]]]]
"""Sends a request; returns the ids of what was accepted, and why the rest was not."""


def calls_of(job: Job) -> list[bytes]:
    """Return the request of every lane; without lanes the empty one.

    That of a stream is sent again and again.
    """
    if not job.lanes:
        return [b""]
    kind = pb.SendMessageRequest if job.way == "grpc" else pb.SendMessagesRequest
    payload = message_pb2.Payload(text=message_pb2.TextPayload(text=job.text))
    return [
        kind(
            message=message_pb2.NewMessage(conversation_id=lane.conversation_id, payload=payload)
        ).SerializeToString()
        for lane in job.lanes
    ]


class Channels:
    """The connections of a job that sends by gRPC; they begin with their first sender."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._channels: dict[int, grpc.aio.Channel] = {}

    def sender(self, number: int, lane: int, answered: Answered) -> GrpcSender:
        """Return the sender `number`, who sends in `lane`."""
        place = number % CHANNELS
        if place not in self._channels:
            address = f"{self._job.host}:{self._job.grpc_port}"
            self._channels[place] = grpc.aio.insecure_channel(address, options=_OPTIONS)
        make = one_by_one if self._job.way == "grpc" else as_a_stream
        token = self._job.lanes[lane].sender_token if self._job.lanes else ""
        call = make(self._channels[place], token)
        return GrpcSender(lane, call, answered)

    async def aclose(self) -> None:
        """End the connections."""
        for channel in self._channels.values():
            await channel.close()


def one_by_one(channel: grpc.aio.Channel, token: str) -> Call:
    """Return what sends one message by one call."""
    ask: grpc.aio.UnaryUnaryMultiCallable[bytes, pb.SendMessageResponse] = channel.unary_unary(
        SEND_MESSAGE, response_deserializer=pb.SendMessageResponse.FromString
    )
    told = (("authorization", f"Bearer {token}"),)

    async def call(raw: bytes) -> tuple[list[str], list[str]]:
        answer = await ask(raw, metadata=told, timeout=PATIENCE)
        return [answer.message_id], []

    return call


def as_a_stream(channel: grpc.aio.Channel, token: str) -> Call:
    """Return what sends the same message `STREAMED` times in one call."""
    pour: grpc.aio.StreamUnaryMultiCallable[bytes, pb.SendMessagesResponse] = channel.stream_unary(
        _SEND_MESSAGES, response_deserializer=pb.SendMessagesResponse.FromString
    )
    told = (("authorization", f"Bearer {token}"),)

    async def call(raw: bytes) -> tuple[list[str], list[str]]:
        answer = await pour(repeat(raw, STREAMED), metadata=told, timeout=PATIENCE)
        return outcomes_of(answer)

    return call


def outcomes_of(answer: pb.SendMessagesResponse) -> tuple[list[str], list[str]]:
    """Return the ids of what a stream had accepted, and the codes of what was refused."""
    accepted = [one.accepted.message_id for one in answer.outcomes if one.HasField("accepted")]
    refused = [one.refused.code for one in answer.outcomes if one.HasField("refused")]
    return accepted, refused


class GrpcSender:
    """Somebody who makes one call at a time; a channel connects again by itself."""

    def __init__(self, lane: int, call: Call, answered: Answered) -> None:
        self._call = call
        self._answered = answered
        self._asking: asyncio.Task[None] | None = None
        self.lane = lane
        self.due = 0.0
        self.lost = False

    def send(self, raw: bytes) -> None:
        """Begin a call; the previous one was answered."""
        self._asking = asyncio.ensure_future(self._ask(raw))

    def close(self) -> None:
        """There is nothing to end: the connection is that of several senders."""

    async def _ask(self, raw: bytes) -> None:
        try:
            accepted, refused = await self._call(raw)
        except Exception as error:  # noqa: BLE001 - a call that fails is counted, whatever it is
            accepted, refused = [], [why(error)]
        self._answered(self, accepted, refused, perf_counter())


def why(error: Exception) -> str:
    """Return why a call failed; where it is not known whether its message was kept, say so."""
    if not isinstance(error, grpc.aio.AioRpcError):
        return type(error).__name__
    unknown = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
    return NO_ANSWER if error.code() in unknown else error.code().name
