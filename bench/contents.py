"""What is sent: the bytes of every lane's message, made once, for each way to send it."""

from __future__ import annotations

import msgspec

from bench.drive import Requests
from bench.grpc_sender import calls_of
from bench.http1 import request
from bench.job import Job, Lane
from bench.socket_client import TEXT, masked

BATCH = 100
"""Messages of one `POST /v1/messages/batch`."""
_NO_ID = "00000000-0000-0000-0000-000000000000"


def requests_of(job: Job) -> Requests:
    """Return what gives the requests of a job."""
    if job.way == "rest":
        return Posts(job)
    if job.way == "rest batch":
        batches = batches_of(job)
        return lambda lane, _: batches[lane]
    ready = frames_of(job) if job.way == "websocket" else calls_of(job)
    return lambda lane, _: ready[lane]


def batches_of(job: Job) -> list[bytes]:
    """Return the `POST /v1/messages/batch` of every lane."""
    return [
        request(
            "POST",
            "/v1/messages/batch",
            host=f"{job.host}:{job.port}",
            token=lane.sender_token,
            body=msgspec.json.encode({"messages": [_message(lane, job.text)] * BATCH}),
        )
        for lane in job.lanes
    ]


def frames_of(job: Job) -> list[bytes]:
    """Return the `send` frame of every lane."""
    return [
        masked(
            TEXT,
            msgspec.json.encode(
                {"type": "send", "request_id": "1", "message": _message(lane, job.text)}
            ),
        )
        for lane in job.lanes
    ]


def _message(lane: Lane, text: str) -> dict[str, object]:
    return {
        "conversation_id": lane.conversation_id,
        "payload": {"type": "text", "text": text},
    }


class Posts:
    """The `POST /v1/messages` of every lane; without lanes the empty one."""

    def __init__(self, job: Job) -> None:
        host = f"{job.host}:{job.port}"
        self._plain: list[bytes] = []
        self._named: list[tuple[bytes, bytes]] = []
        if not job.lanes:
            self._plain.append(request("POST", "/v1/messages", host=host))
        for lane in job.lanes:
            message = _message(lane, job.text)
            named = {"message_id": _NO_ID, **message}
            for content in (message, named):
                raw = request(
                    "POST",
                    "/v1/messages",
                    host=host,
                    token=lane.sender_token,
                    body=msgspec.json.encode(content),
                )
                if content is message:
                    self._plain.append(raw)
                else:
                    head, _, tail = raw.partition(_NO_ID.encode())
                    self._named.append((head, tail))

    def __call__(self, lane: int, message_id: str) -> bytes:
        """Return the next request of a lane."""
        if not message_id:
            return self._plain[lane]
        head, tail = self._named[lane]
        return head + message_id.encode() + tail
