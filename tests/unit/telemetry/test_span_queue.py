"""What waits for the Collector, and what does not."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from structlog.testing import capture_logs

from chat4all.ports.tracing import Kind
from chat4all.telemetry import span_queue
from chat4all.telemetry.span_queue import SpanQueue
from chat4all.telemetry.tracing import OtelTracing

LONG = 60.0
"""Seconds after which nothing in these tests is waited for any more."""


class Collected:
    """Takes spans, as soon as it may and unless it shall not."""

    def __init__(self) -> None:
        self.requests: list[list[str]] = []
        self.came = threading.Event()
        self.open = threading.Event()
        self.open.set()
        self.refuses = 0
        self.is_shut = False

    def send(self, spans: Sequence[bytes]) -> None:
        self.came.set()
        self.open.wait(LONG)
        if self.refuses:
            self.refuses -= 1
            raise RuntimeError("not now")
        self.requests.append([Span.FromString(one).name for one in spans])

    def shutdown(self) -> None:
        self.is_shut = True


def record(queue: SpanQueue, *names: str) -> None:
    tracing = OtelTracing(queue.keep, ratio=1)
    for name in names:
        tracing.begin(name, Kind.INTERNAL).end()


def test_spans_are_sent_when_they_are_due_in_the_order_of_their_ends() -> None:
    collected = Collected()
    queue = SpanQueue(collected, every=0.01)
    record(queue, "a", "b")
    assert collected.came.wait(LONG)
    queue.close()
    assert [name for some in collected.requests for name in some] == ["a", "b"]
    assert collected.is_shut


def test_what_is_left_is_sent_at_the_end() -> None:
    collected = Collected()
    queue = SpanQueue(collected, every=LONG)
    record(queue, "a", "b", "c")
    assert collected.requests == []
    queue.close()
    assert collected.requests == [["a", "b", "c"]]


def test_when_many_wait_they_are_sent_before_they_are_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(span_queue, "AT_ONCE", 2)
    collected = Collected()
    queue = SpanQueue(collected, every=LONG)
    record(queue, "a", "b")
    assert collected.came.wait(LONG)
    record(queue, "c", "d", "e")
    queue.close()
    assert [name for some in collected.requests for name in some] == ["a", "b", "c", "d", "e"]
    assert max(map(len, collected.requests)) == 2


def test_what_is_too_much_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(span_queue, "MOST", 3)
    collected = Collected()
    collected.open.clear()
    queue = SpanQueue(collected, every=0.01)
    record(queue, "first")
    assert collected.came.wait(LONG)
    record(queue, "a", "b", "c", "too", "many")
    with capture_logs() as lines:
        collected.open.set()
        queue.close()
    assert collected.requests == [["first"], ["a", "b", "c"]]
    assert [one["count"] for one in lines] == [2]


def test_a_failure_costs_the_spans_of_one_request() -> None:
    collected = Collected()
    collected.refuses = 1
    collected.open.clear()
    queue = SpanQueue(collected, every=0.01)
    record(queue, "lost")
    assert collected.came.wait(LONG)
    record(queue, "kept")
    with capture_logs() as lines:
        collected.open.set()
        queue.close()
    assert collected.requests == [["kept"]]
    assert [one["event"] for one in lines] == ["spans could not be sent"]
