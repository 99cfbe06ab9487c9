"""Where measurements and traces are sent: an OpenTelemetry Collector, over HTTP.

https://opentelemetry.io/docs/specs/otlp/
"""

from __future__ import annotations

from dataclasses import dataclass

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from chat4all.telemetry.otlp_spans import SpanExporter
from chat4all.telemetry.reader import Reader

TIMEOUT = 5.0
"""Seconds within which a Collector has to take what it is sent; later it is lost."""
METRICS_EVERY = 15.0
SPANS_EVERY = 1.0
_QUEUE = 8_192  # spans that may wait; those over it are dropped, and nobody waits for them

_AT_ONCE = 2_048  # spans in one request, some 600 KB; sooner than `SPANS_EVERY` when so many wait


@dataclass(frozen=True, slots=True)
class Collector:
    """The base address of a receiver of OTLP over HTTP, such as http://collector:4318."""

    endpoint: str

    def spans(self) -> SpanProcessor:
        """Return what sends spans, from a thread of its own."""
        exporter = SpanExporter(self._address("traces"), timeout=TIMEOUT)
        return BatchSpanProcessor(
            exporter,
            max_queue_size=_QUEUE,
            max_export_batch_size=_AT_ONCE,
            schedule_delay_millis=SPANS_EVERY * 1_000,
        )

    def metrics(self) -> Reader:
        """Return what sends measurements, from a thread of its own, besides `/metrics`."""
        exporter = OTLPMetricExporter(self._address("metrics"), timeout=TIMEOUT)
        return Reader(exporter, every=METRICS_EVERY)

    def _address(self, signal: str) -> str:
        return f"{self.endpoint.rstrip('/')}/v1/{signal}"
