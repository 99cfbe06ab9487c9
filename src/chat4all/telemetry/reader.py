"""What reads the instruments: `/metrics`, and a Collector that is sent the same."""

from __future__ import annotations

import threading
from typing import Any

import structlog
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics.export import MetricExporter, MetricsData

log = structlog.get_logger(__name__)

STOP_SECONDS = 5.0


class Reader(PrometheusMetricReader):
    """Gives the measurements to whoever asks at `/metrics`, and to `exporter` every so often.

    One for both: the SDK takes every measurement once per reader, and that is most of what a
    measurement costs. Exporting has a thread of its own; what fails there is logged, and the
    next round sends it all again, since the numbers are cumulative.
    """

    def __init__(self, exporter: MetricExporter | None = None, *, every: float = 0.0) -> None:
        super().__init__()
        self._exporter = exporter
        self._every = every
        self._stopping = threading.Event()
        self._exports = threading.local()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        if exporter is not None:
            self._thread.start()

    def _run(self) -> None:
        self._exports.here = True
        while not self._stopping.wait(self._every):
            self._export()
        self._export()

    def _export(self) -> None:
        try:
            self.collect()
        except Exception:  # whatever it is, the next round is another try
            log.exception("measurements could not be exported")

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **more: Any
    ) -> None:
        """Take what `collect` read: for the exporter on its thread, else for `/metrics`."""
        if self._exporter is not None and getattr(self._exports, "here", False):
            self._exporter.export(metrics_data, timeout_millis)
        else:
            super()._receive_metrics(metrics_data, timeout_millis, **more)

    def shutdown(self, timeout_millis: float = STOP_SECONDS * 1_000, **more: Any) -> None:
        """Export once more and stop."""
        self._stopping.set()
        if self._exporter is not None:
            self._thread.join(timeout_millis / 1_000)
            self._exporter.shutdown(timeout_millis)
        super().shutdown(timeout_millis, **more)
