"""Spans that are over wait here, as bytes, until a thread of its own sends them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import structlog

from chat4all.telemetry.otlp_spans import encoded
from chat4all.telemetry.tracing import Recorded

log = structlog.get_logger(__name__)

MOST = 8_192
"""What may wait; more is dropped, and nobody waits for it."""
AT_ONCE = 2_048
"""What is sent in one request, some 600 KB; sooner than it is due when so much waits."""
STOP_SECONDS = 5.0


class Sender(Protocol):
    """Who sends, for as long as it takes; what is not taken is lost."""

    def send(self, spans: Sequence[bytes]) -> None:
        """Send encoded spans. Blocks."""
        ...

    def shutdown(self) -> None:
        """Give up what is being tried again."""
        ...


class SpanQueue:
    """Hands spans to `sender` every so many seconds."""

    def __init__(self, sender: Sender, *, every: float) -> None:
        self._sender = sender
        self._every = every
        self._waiting: deque[bytes] = deque()
        self._dropped = self._told = 0
        self._due = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="spans", daemon=True)
        self._thread.start()

    def keep(self, span: Recorded) -> None:
        """Take one that is over; returns at once."""
        waiting = self._waiting
        if len(waiting) >= MOST:
            self._dropped += 1
            return
        waiting.append(encoded(span))
        if len(waiting) == AT_ONCE:
            self._due.set()

    def close(self) -> None:
        """Send what is left, for a few seconds at most, and stop. Blocks."""
        self._stopping = True
        self._due.set()
        self._thread.join(STOP_SECONDS)
        self._sender.shutdown()

    def _run(self) -> None:
        while not self._stopping:
            self._due.wait(self._every)
            self._due.clear()
            self._send_all()
        self._send_all()

    def _send_all(self) -> None:
        waiting = self._waiting
        while waiting:
            some = [waiting.popleft() for _ in range(min(len(waiting), AT_ONCE))]
            try:
                self._sender.send(some)
            except Exception:  # whatever it is, the next ones are another try
                log.exception("spans could not be sent", count=len(some))
        dropped = self._dropped
        if dropped > self._told:
            log.warning("spans were dropped, because too many waited", count=dropped - self._told)
            self._told = dropped
