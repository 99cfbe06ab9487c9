"""What operators and their machines ask."""

from __future__ import annotations

from litestar import Controller, Response, get
from litestar.openapi.datastructures import ResponseSpec

from chat4all.domain.errors import Unavailable
from chat4all.gateway.rest.deps import Deps
from chat4all.gateway.rest.schemas.operations import Health

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

OPTIONS = {"public": True}


class Operations(Controller):
    """`/healthz`, `/readyz`, `/metrics`."""

    path = "/"
    tags = ("Operations",)
    opt = OPTIONS

    @get("/healthz", operation_id="health")
    async def health(self) -> Health:
        """Say that the process lives."""
        return Health(status="ok")

    @get("/readyz", operation_id="readiness")
    async def readiness(self, deps: Deps) -> Health:
        """Say whether requests can be served; 503 tells what is missing."""
        missing = await deps.ready()
        if missing:
            parts = "; ".join(f"{part}: {why}" for part, why in missing.items())
            raise Unavailable(f"not ready: {parts}", retry_after=1)
        return Health(status="ready")

    @get(
        "/metrics",
        operation_id="metrics",
        media_type="text/plain",
        opt={"produces": "text/plain"},
        responses={200: ResponseSpec(str, media_type="text/plain", description="Metrics.")},
    )
    async def metrics(self, deps: Deps) -> Response[bytes]:
        """Return the process's metrics in the Prometheus text format."""
        return Response(deps.metrics(), media_type=METRICS_TYPE)
