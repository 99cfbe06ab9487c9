"""What a node counts: OpenTelemetry instruments, read at `/metrics`.

Names follow the semantic conventions where there are any.
https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from prometheus_client import REGISTRY, generate_latest

from chat4all.domain.events import Event, MessageAdded, StatusChanged
from chat4all.telemetry.audit_metrics import AuditMetrics
from chat4all.telemetry.canary_metrics import CanaryMetrics
from chat4all.telemetry.file_metrics import FileMetrics
from chat4all.telemetry.reader import Reader
from chat4all.telemetry.recent import BUCKETS, Recent
from chat4all.telemetry.resource import resource_of


class Metrics:
    """The instruments of one process. Labels have few values: no user, no conversation.

    `reader` may take the same measurements elsewhere, besides `/metrics`; `recent` keeps those
    of the last hour.
    """

    def __init__(self, *, resource: Resource | None = None, reader: Reader | None = None) -> None:
        self._provider = MeterProvider(
            metric_readers=[reader or Reader()],
            resource=resource or resource_of("chat4all"),
            views=[View(instrument_name="*.duration", aggregation=_buckets())],
        )
        meter = self._provider.get_meter("chat4all")
        self._requests = meter.create_histogram("http.server.request.duration", unit="s")
        self._calls = meter.create_histogram("rpc.server.call.duration", unit="s")
        self._messages = meter.create_counter(
            "chat4all.messages", description="messages that got their place, by channel"
        )
        self._statuses = meter.create_counter(
            "chat4all.deliveries", description="reports of channels, by channel and status"
        )
        self._parked = meter.create_counter(
            "chat4all.dead_letters", description="what was parked, by the stream it came from"
        )
        self.files = FileMetrics(meter)
        self.audit = AuditMetrics(meter)
        self.canary = CanaryMetrics(meter)
        self.recent = Recent()
        self._meter = meter
        self._labels: dict[tuple[str, str, int], dict[str, str | int]] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        key = (method, route, status)
        labels = self._labels.get(key)
        if labels is None:
            labels = self._labels[key] = {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
            }
        self._requests.record(seconds, labels)
        self.recent.request(route, status, seconds)

    def rpc(self, method: str, status: str, seconds: float) -> None:
        """Count one gRPC call that is over; a stream is over when it has ended.

        https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/
        """
        self._calls.record(
            seconds,
            {
                "rpc.system.name": "grpc",
                "rpc.method": method,
                "rpc.response.status_code": status,
            },
        )

    def stored(self, events: Sequence[Event]) -> None:
        """Count what the router has stored."""
        messages = Counter(
            event.message.channel for event in events if isinstance(event, MessageAdded)
        )
        for channel, count in messages.items():
            self._messages.add(count, {"channel": channel})
            self.recent.message(channel, count)
        for event in events:
            if isinstance(event, StatusChanged):
                labels = {"channel": event.entry.channel, "status": event.entry.status.word}
                self._statuses.add(1, labels)
                self.recent.report(labels["channel"], labels["status"])

    def parked(self, stream: str) -> None:
        """Count one dead letter."""
        self._parked.add(1, {"stream": stream})

    def counter(self, name: str, description: str) -> Callable[..., None]:
        """Return a function that counts one, with the labels given as keywords."""
        instrument = self._meter.create_counter(name, description=description)
        return lambda **labels: instrument.add(1, labels)

    def watch(self, name: str, description: str, read: Callable[[], float]) -> None:
        """Show what `read` returns whenever somebody looks."""

        def observe(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(read())]

        self._meter.create_observable_gauge(name, [observe], description=description)
        self.recent.watch(name, read)

    def watch_many(
        self,
        name: str,
        description: str,
        labels: Sequence[str],
        read: Callable[[], Mapping[tuple[str, ...], int]],
    ) -> None:
        """Show what `read` returns, one value per set of values of `labels`."""

        def observe(_: CallbackOptions) -> Iterable[Observation]:
            return [
                Observation(value, dict(zip(labels, key, strict=True)))
                for key, value in read().items()
            ]

        self._meter.create_observable_gauge(name, [observe], description=description)

    def render(self) -> bytes:
        """Return everything in the text format of Prometheus."""
        return generate_latest(REGISTRY)

    def close(self) -> None:
        """Stop; a later `Metrics` in the same process starts from nothing."""
        self._provider.shutdown()


def _buckets() -> ExplicitBucketHistogramAggregation:
    return ExplicitBucketHistogramAggregation(boundaries=BUCKETS)
