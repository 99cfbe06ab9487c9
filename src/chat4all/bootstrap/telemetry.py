"""What a process measures and follows, and where it sends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from chat4all import __version__
from chat4all.bootstrap.extras import require
from chat4all.bootstrap.storage import Storage
from chat4all.ports.tracing import Tracing
from chat4all.services.message_traces import MessageTraces
from chat4all.services.traced_log import TracedLog
from chat4all.services.traced_messages import TracedMessages
from chat4all.settings import Settings
from chat4all.telemetry.metrics import Metrics
from chat4all.telemetry.resource import resource_of


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The instruments of a process; without `tracing` nothing is followed."""

    metrics: Metrics
    tracing: Tracing | None = None


@asynccontextmanager
async def open_telemetry(settings: Settings) -> AsyncIterator[Telemetry]:
    """Measure until the context ends, and send what is measured where the settings say.

    What a Collector does not take is lost, and nobody waits for it. Raises `BadSettings`
    when the library for that is missing.
    """
    resource = resource_of(
        settings.service_name, version=__version__, environment=settings.environment
    )
    if not settings.otlp_endpoint:
        metrics = Metrics(resource=resource)
        try:
            yield Telemetry(metrics)
        finally:
            metrics.close()
        return
    require("opentelemetry.exporter.otlp.proto.http", "otel", "CHAT4ALL_OTLP_ENDPOINT")
    from chat4all.telemetry.otlp import Collector  # noqa: PLC0415 - of an extra
    from chat4all.telemetry.tracing import OtelTracing  # noqa: PLC0415 - not needed without it

    collector = Collector(settings.otlp_endpoint)
    metrics = Metrics(resource=resource, reader=collector.metrics())
    spans = collector.spans(resource)
    try:
        yield Telemetry(metrics, OtelTracing(spans.keep, ratio=settings.trace_ratio))
    finally:
        await asyncio.to_thread(spans.close)
        await asyncio.to_thread(metrics.close)


def traced_storage(storage: Storage, settings: Settings, tracing: Tracing | None) -> Storage:
    """Return the engines, with their calls followed."""
    if tracing is None:
        return storage
    return replace(
        storage,
        log=TracedLog(storage.log, tracing, _system(settings.log_url)),
        messages=TracedMessages(storage.messages, tracing, _system(settings.messages_url)),
    )


def message_traces(storage: Storage, tracing: Tracing | None) -> MessageTraces | None:
    """Return what joins the receipts of platforms to the traces of messages."""
    return None if tracing is None else MessageTraces(storage.ephemeral.leases, tracing)


def _system(url: str) -> str:
    """Return the name that the semantic conventions have for the engine of a URL."""
    return urlsplit(url).scheme.partition("+")[0] or "sqlite"
