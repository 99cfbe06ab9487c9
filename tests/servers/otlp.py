"""A receiver of OTLP over HTTP, as a Collector is one: keeps what it is sent.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.servers.listener import Answer, listening


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span as it came over the wire; `process` tells which process made it."""

    process: str
    trace: str
    id: str
    parent: str
    name: str
    kind: str
    failed: bool
    attributes: Mapping[str, Any]
    links: Collection[tuple[str, str]]
    flags: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One record of a log as it came over the wire."""

    resource: Mapping[str, Any]
    body: str
    severity: str
    trace: str
    attributes: Mapping[str, Any]


@dataclass
class OtlpReceiver:
    """What came, and the raw bytes of all of it."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    metrics: set[str] = field(default_factory=set)
    resources: list[dict[str, Any]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    def of(self, trace: str) -> list[Span]:
        """Return the spans of one trace."""
        return [one for one in self.spans if one.trace == trace]

    def take(self, path: str, body: bytes) -> None:
        """Keep one export request."""
        self.raw.append(body)
        if path == "/v1/traces":
            request = ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                told = _attributes(resource.resource.attributes)
                self.resources.append(told)
                for scope in resource.scope_spans:
                    self.spans += [_span(one, told) for one in scope.spans]
        elif path == "/v1/logs":
            for written in ExportLogsServiceRequest.FromString(body).resource_logs:
                told = _attributes(written.resource.attributes)
                for part in written.scope_logs:
                    self.lines += [_line(one, told) for one in part.log_records]
        elif path == "/v1/metrics":
            measured = ExportMetricsServiceRequest.FromString(body)
            for found in measured.resource_metrics:
                self.resources.append(_attributes(found.resource.attributes))
                for inner in found.scope_metrics:
                    self.metrics |= {one.name for one in inner.metrics}


def _span(span: WireSpan, resource: Mapping[str, Any]) -> Span:
    return Span(
        process=resource["service.instance.id"],
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        name=span.name,
        kind=WireSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        attributes=_attributes(span.attributes),
        links=[(one.trace_id.hex(), one.span_id.hex()) for one in span.links],
        flags=span.flags,
    )


def _line(record: LogRecord, resource: Mapping[str, Any]) -> Line:
    return Line(
        resource=resource,
        body=record.body.string_value,
        severity=record.severity_text,
        trace=record.trace_id.hex(),
        attributes=_attributes(record.attributes),
    )


def _attributes(pairs: Collection[KeyValue]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        kind = pair.value.WhichOneof("value")
        found[pair.key] = getattr(pair.value, kind) if kind else None
    return found


@contextmanager
def otlp_receiver() -> Iterator[OtlpReceiver]:
    """Listen on a free port until the block ends."""
    receiver = OtlpReceiver()

    def take(path: str, headers: Message, body: bytes) -> Answer:
        plain = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        receiver.take(path, plain)
        return Answer(type="application/x-protobuf")

    with listening(take) as receiver.url:
        yield receiver
