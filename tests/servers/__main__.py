"""Builds or fetches the servers that the tests need: `scripts/servers`."""

from __future__ import annotations

import sys

from tests.servers import (
    collector,
    grpc_packages,
    kafka_server,
    mongo_server,
    tus,
    webhook_packages,
)
from tests.servers.cache import Missing
from tests.servers.go_program import KUSTOMIZE, MINIO

SERVERS = {
    "kafka": kafka_server.build,
    "kustomize": KUSTOMIZE.build,
    "minio": MINIO.build,
    "secantusdb": mongo_server.build_secantus,
    "ferretdb": mongo_server.build_ferret,
    "otelcol": collector.build,
    "tus": tus.PACKAGES.build,
    "grpc": grpc_packages.PACKAGES.build,
    "webhooks": webhook_packages.PACKAGES.build,
}


def main() -> int:
    """Build each; return how many cannot be had."""
    missing = 0
    for name, build in SERVERS.items():
        try:
            print(f"servers: {name}: {build()}", flush=True)  # noqa: T201 - this is its output
        except Missing as error:
            print(f"servers: {name}: {error}", file=sys.stderr, flush=True)  # noqa: T201
            missing += 1
    return missing


sys.exit(main())
