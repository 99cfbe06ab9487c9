"""One reader of the instruments, for `/metrics` and for a Collector."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import (
    HistogramDataPoint,
    MetricExporter,
    MetricExportResult,
    MetricsData,
)

from chat4all.telemetry.metrics import Metrics
from chat4all.telemetry.reader import Reader

PATIENCE = 10.0


class Exporter(MetricExporter):
    """Keeps what it is sent; the first time it may break."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__()
        self.taken: list[MetricsData] = []
        self.came = threading.Semaphore(0)
        self.ended = False
        self._broken = broken

    def export(self, metrics_data: MetricsData, *_: Any, **__: Any) -> MetricExportResult:
        if self._broken:
            self._broken = False
            raise ZeroDivisionError
        self.taken.append(metrics_data)
        self.came.release()
        return MetricExportResult.SUCCESS

    def force_flush(self, *_: Any, **__: Any) -> bool:
        return True

    def shutdown(self, *_: Any, **__: Any) -> None:
        self.ended = True

    def counts(self) -> list[int]:
        """Return the number of requests that each export told of."""
        return [
            point.count
            for data in self.taken
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == "http.server.request.duration"
            for point in metric.data.data_points
            if isinstance(point, HistogramDataPoint)
        ]


def _count(metrics: Metrics) -> list[str]:
    lines = metrics.render().decode().splitlines()
    return [one for one in lines if one.startswith("http_server_request_duration_seconds_count")]


def test_metrics_and_the_collector_are_told_the_same_each_time() -> None:
    exporter = Exporter()
    metrics = Metrics(reader=Reader(exporter, every=0.02))
    try:
        metrics.request("GET", "/v1/sync", 200, 0.1)
        metrics.request("GET", "/v1/sync", 200, 0.1)
        while not (told := exporter.counts()) or told[-1] < 2:
            assert exporter.came.acquire(timeout=PATIENCE)
            [line] = _count(metrics)
            assert line.endswith(" 2.0")
    finally:
        metrics.close()
    assert exporter.counts()[-1] == 2
    assert exporter.ended


def test_what_is_left_is_exported_at_the_end() -> None:
    exporter = Exporter()
    metrics = Metrics(reader=Reader(exporter, every=3600.0))
    metrics.request("GET", "/v1/sync", 200, 0.1)
    metrics.close()
    assert exporter.counts() == [1]


def test_an_export_that_fails_is_logged_and_the_next_tells_it_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exporter = Exporter(broken=True)
    metrics = Metrics(reader=Reader(exporter, every=0.02))
    try:
        metrics.request("GET", "/v1/sync", 200, 0.1)
        assert exporter.came.acquire(timeout=PATIENCE)
        assert exporter.counts()[-1] == 1
    finally:
        metrics.close()
    assert "measurements could not be exported" in capsys.readouterr().out
