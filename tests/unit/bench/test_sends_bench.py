"""The bench of ways to send: what each sends, how answers are counted, and what is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import Any, cast

import msgspec
import pytest
from grpc import StatusCode
from grpc.aio import AioRpcError, Metadata

from bench.contents import requests_of
from bench.drive import NO_ANSWER, Closed, Drive, Open, Sender
from bench.grpc_sender import GrpcSender, outcomes_of, why
from bench.job import Job, Lane, Way
from bench.ledger import Ledger
from bench.on_off import Measured
from bench.sends import EMPTY, EMPTY_CALL, REST, WAYS, lines_of
from bench.socket_client import Frames
from bench.socket_sender import SocketSender
from chat4all.gateway.grpc.generated import message_service_pb2 as pb
from chat4all.gateway.ws.frames import Send, decode_frame
from tests.unit.bench.test_bench_math import ledger, outcome, verdict

HERE = "01890000-0000-7000-8000-000000000001"
SAID = "01890000-0000-7000-8000-0000000000aa"


def job(way: Way) -> Job:
    lane = Lane(
        conversation_id=HERE,
        sender_id="ana",
        sender_token="a",
        recipient_id="bia",
        recipient_token="b",
    )
    return Job(
        host="127.0.0.1",
        port=1,
        server_pid=1,
        connections=1,
        phases=[],
        lanes=[lane],
        text_length=20,
        spin=False,
        way=way,
    )


def body(way: Way) -> dict[str, Any]:
    """Return the message that a way sends, as the body of REST."""
    raw = requests_of(job(way))(0, "")
    if way == "rest":
        found: dict[str, Any] = msgspec.json.decode(raw.partition(b"\r\n\r\n")[2])
        return found
    if way == "websocket":
        [(_, content)] = Frames().feed(unmasked(raw))
        frame = decode_frame(content)
        assert isinstance(frame, Send)
        sent: dict[str, Any] = msgspec.json.decode(frame.message)
        return sent
    kind = pb.SendMessageRequest if way == "grpc" else pb.SendMessagesRequest
    message = kind.FromString(raw).message
    text = {"type": "text", "text": message.payload.text.text}
    return {"conversation_id": message.conversation_id, "payload": text}


def unmasked(raw: bytes) -> bytes:
    """Return a client's frame of 126 bytes or more as a server would send it."""
    mask, content = raw[4:8], raw[8:]
    plain = bytes(byte ^ mask[at % 4] for at, byte in enumerate(content))
    return bytes((raw[0], raw[1] & 0x7F)) + raw[2:4] + plain


@pytest.mark.parametrize("way", ["rest", "grpc"])
def test_without_lanes_what_is_sent_is_empty(way: Way) -> None:
    raw = requests_of(msgspec.structs.replace(job(way), lanes=[]))(0, "")
    assert raw.partition(b"\r\n\r\n")[2] == b""
    assert raw.startswith(b"POST /v1/messages ") == (way == "rest")


@pytest.mark.parametrize("way", ["websocket", "grpc", "grpc stream"])
def test_every_way_sends_what_rest_sends(way: Way) -> None:
    assert body(way) == body("rest")
    assert body("rest")["payload"] == {"type": "text", "text": "Is anybody there? Is"}


class Heard:
    """What senders gave as answers."""

    def __init__(self) -> None:
        self.answers: list[tuple[list[str], list[str]]] = []

    def __call__(
        self, _: Sender, accepted: Sequence[str], refused: Sequence[str], __: float
    ) -> None:
        self.answers.append((list(accepted), list(refused)))


class Wire:
    """Takes what is written, as a transport does."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        """There is nothing to close."""


def frame(**fields: object) -> bytes:
    content = msgspec.json.encode(fields)
    assert len(content) < 126
    return bytes((0x81, len(content))) + content


def beginning(heard: Heard) -> SocketSender:
    """Return a sender whose server has said that it is ready."""
    sender = SocketSender("127.0.0.1", 1, "token", heard)
    sender._frames, sender._head, sender._upgraded = Frames(), b"", False
    sender._ready = asyncio.get_running_loop().create_future()
    sender.connection_made(cast("asyncio.Transport", Wire()))
    sender.data_received(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    sender.data_received(frame(type="ready", user_id="ana", cursor="c"))
    return sender


async def test_a_socket_is_answered_by_frames_about_its_message_alone() -> None:
    heard = Heard()
    sender = beginning(heard)
    sender.data_received(frame(type="pong"))
    sender.send(b"first")
    sender.data_received(frame(type="typing", user_id="bia"))
    assert heard.answers == []
    sender.data_received(frame(type="accepted", request_id="1", message_id=SAID))
    sender.send(b"second")
    sender.data_received(frame(type="error", code="rate_limited"))
    sender.data_received(frame(type="error", code="of something else"))
    assert heard.answers == [([SAID], []), ([], ["rate_limited"])]


async def test_a_socket_that_ends_before_the_answer_says_so_once_and_stays_away() -> None:
    heard = Heard()
    sender = beginning(heard)
    sender.send(b"first")
    sender.connection_lost(None)
    assert sender.lost
    assert heard.answers == [([], [NO_ANSWER])]
    assert sender.reconnects == 0


async def test_a_call_that_fails_is_an_answer_whatever_it_failed_by() -> None:
    heard = Heard()

    async def call(raw: bytes) -> tuple[list[str], list[str]]:
        if raw == b"good":
            return [SAID], []
        raise RuntimeError

    sender = GrpcSender(0, call, heard)
    for raw in (b"good", b"bad"):
        sender.send(raw)
        assert sender._asking is not None
        await sender._asking
    assert heard.answers == [([SAID], []), ([], ["RuntimeError"])]


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (StatusCode.UNAVAILABLE, NO_ANSWER),
        (StatusCode.DEADLINE_EXCEEDED, NO_ANSWER),
        (StatusCode.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"),
    ],
)
def test_a_call_says_whether_its_message_may_have_been_kept(status: StatusCode, told: str) -> None:
    assert why(AioRpcError(status, Metadata(), Metadata())) == told


def test_a_stream_tells_of_each_of_its_messages() -> None:
    accepted = pb.SendOutcome(accepted=pb.AcceptedMessage(message_id=SAID))
    refused = pb.SendOutcome(refused=pb.Refusal(code="rate_limited"))
    answer = pb.SendMessagesResponse(outcomes=[accepted, refused, accepted])
    assert outcomes_of(answer) == ([SAID, SAID], ["rate_limited"])


class Once:
    """A sender that answers by two accepted and two that were not, and is gone."""

    def __init__(self) -> None:
        self.lane, self.due, self.lost = 0, 0.0, False
        self.drive: Drive | None = None

    def send(self, raw: bytes) -> None:
        del raw
        self.lost = True
        asyncio.get_running_loop().call_soon(self._answer)

    def close(self) -> None:
        """There is nothing to end."""

    def _answer(self) -> None:
        assert self.drive is not None
        self.drive.answered(self, ("a", "b"), (NO_ANSWER, "rate_limited"), perf_counter())


async def test_every_message_of_an_answer_counts_and_a_load_ends_without_senders() -> None:
    book, sender = Ledger(), Once()
    drive = sender.drive = Closed([sender], lambda *_: b"", book)
    await asyncio.wait_for(drive.run(0.05), 5)
    assert drive.accepted == 2
    assert drive.ids == list(book.acknowledged) == ["a", "b"]
    assert drive.refused == {NO_ANSWER: 1, "rate_limited": 1}
    assert book.unanswered == 1


class Late(Once):
    """A sender whose answer comes after the last timer, which was early: before the end."""

    def send(self, raw: bytes) -> None:
        del raw
        self.lost = True
        asyncio.get_running_loop().call_later(0.2, self._answer)

    def _answer(self) -> None:
        assert self.drive is not None
        self.drive._until = perf_counter() + 1_000.0
        self.drive.answered(self, ("a",), (), perf_counter())


@pytest.mark.parametrize("kind", [Closed, Open])
async def test_a_load_ends_although_its_last_timer_was_early(kind: type[Drive]) -> None:
    sender = Late()
    drive = kind([sender], lambda *_: b"", Ledger())
    sender.drive = drive
    if isinstance(drive, Open):
        drive.schedule(1_000.0, spin=False, seed=1)
    await asyncio.wait_for(drive.run(0.1), 5)
    assert drive.ids[:1] == ["a"]


def test_ways_are_compared_with_rest_and_the_empty_post_of_their_round() -> None:
    rates = dict(zip(WAYS, (500, 400, 300, 200, 600), strict=True))

    def measured(rate: float) -> Measured:
        return Measured(phases={"capacity": outcome(rate)}, findings=verdict(ledger()))

    rounds = [
        {
            EMPTY: Measured(phases={"capacity": outcome(factor * 1_000)}, findings=None),
            EMPTY_CALL: Measured(phases={"capacity": outcome(factor * 800)}, findings=None),
            **{name: measured(factor * rate) for name, rate in rates.items()},
        }
        for factor in (1.0, 10.0, 4.0)
    ]
    rounds[1]["gRPC"] = Measured(
        phases={"capacity": outcome(2_000.0)}, findings=verdict(ledger("a"))
    )
    lines = dict(lines_of(rounds))
    assert [one for one in lines if one.startswith(f"{REST} / ")] == ["REST / empty POST, goal 0.4"]
    assert lines["WebSocket / REST"].most == 0.6
    assert lines["WebSocket / REST"].least == 0.6
    assert lines["gRPC stream / empty POST, goal 0.4"].median == 0.6
    assert lines["gRPC / empty gRPC call"].median == 0.25
    assert lines["REST: accepted/s"].most == 5_000
    assert lines["REST: ms of the server's processor a message"].most == 2.0
    assert lines["gRPC: lost, repeated, gaps"].most == 1
    assert lines["REST: lost, repeated, gaps"].most == 0
