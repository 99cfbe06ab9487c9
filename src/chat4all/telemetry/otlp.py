"""Where measurements and traces are sent: an OpenTelemetry Collector, over HTTP.

https://opentelemetry.io/docs/specs/otlp/
"""

from __future__ import annotations

from dataclasses import dataclass

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.resources import Resource

from chat4all.telemetry.otlp_spans import SpanExporter
from chat4all.telemetry.reader import Reader
from chat4all.telemetry.span_queue import SpanQueue

TIMEOUT = 5.0
"""Seconds within which a Collector has to take what it is sent; later it is lost."""
METRICS_EVERY = 15.0
SPANS_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Collector:
    """The base address of a receiver of OTLP over HTTP, such as http://collector:4318."""

    endpoint: str

    def spans(self, resource: Resource) -> SpanQueue:
        """Return what sends the spans of a process, from a thread of its own."""
        exporter = SpanExporter(self._address("traces"), resource, timeout=TIMEOUT)
        return SpanQueue(exporter, every=SPANS_EVERY)

    def metrics(self) -> Reader:
        """Return what sends measurements, from a thread of its own, besides `/metrics`."""
        exporter = OTLPMetricExporter(self._address("metrics"), timeout=TIMEOUT)
        return Reader(exporter, every=METRICS_EVERY)

    def _address(self, signal: str) -> str:
        return f"{self.endpoint.rstrip('/')}/v1/{signal}"
