"""A WebSocket that sends: one `send` frame at a time, until it is answered."""

from __future__ import annotations

import json
from time import perf_counter

from bench.drive import NO_ANSWER, Answered
from bench.socket_client import SocketClient


class SocketSender(SocketClient):
    """A user's WebSocket; what it is told of its own messages is read and counts nowhere."""

    def __init__(self, host: str, port: int, token: str, answered: Answered) -> None:
        super().__init__(host, port, token, lambda *_: None)
        self._answered = answered
        self._asked = False
        self.lane = 0
        self.due = 0.0
        self.lost = False

    def send(self, raw: bytes) -> None:
        """Send a frame; the previous one was answered."""
        self._asked = True
        self._transport.write(raw)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`: a frame that was not answered counts, and nothing more is sent.

        It does not connect again: who goes on in its place is a new one.
        """
        self.lost = True
        self._ended = self._ended or self._ready.done()
        super().connection_lost(exc)
        if self._asked:
            self._asked = False
            self._answered(self, (), (NO_ANSWER,), perf_counter())

    def _heard(self, kind: bytes, frame: bytes, now: float) -> None:
        if not self._asked or kind not in {b"accepted", b"error"}:
            return
        self._asked = False
        if kind == b"accepted":
            at = frame.index(b'"message_id":"') + 14
            self._answered(self, (frame[at : at + 36].decode(),), (), now)
        else:
            self._answered(self, (), (json.loads(frame)["code"],), now)
