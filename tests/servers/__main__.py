"""Builds or fetches the servers that the tests need: `scripts/servers [NAME]...`."""

from __future__ import annotations

import sys

from tests.servers import (
    asyncapi_packages,
    collector,
    grpc_packages,
    kafka_server,
    mongo_server,
    oauth_packages,
    push_packages,
    redocly_packages,
    sdk_packages,
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
    "push": push_packages.PACKAGES.build,
    "webhooks": webhook_packages.PACKAGES.build,
    "oauth": oauth_packages.PACKAGES.build,
    "sdk": sdk_packages.PACKAGES.build,
    "asyncapi": asyncapi_packages.PACKAGES.build,
    "redocly": redocly_packages.PACKAGES.build,
}
ON_REQUEST = {"secantusdb-rust": mongo_server.build_secantus_rust}
"""What takes many minutes to build, and has something else in its place."""


def main(names: list[str]) -> int:
    """Build those that are named, or all that are usual; return how many cannot be had."""
    known = SERVERS | ON_REQUEST
    if unknown := set(names) - set(known):
        sys.exit(f"servers: there is no {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    missing = 0
    for name in names or SERVERS:
        build = known[name]
        try:
            print(f"servers: {name}: {build()}", flush=True)  # noqa: T201 - this is its output
        except Missing as error:
            print(f"servers: {name}: {error}", file=sys.stderr, flush=True)  # noqa: T201
            missing += 1
    return missing


sys.exit(main(sys.argv[1:]))
