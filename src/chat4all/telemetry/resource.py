"""Who measures: the name, version and environment that stand at all a process tells."""

from __future__ import annotations

import secrets

from opentelemetry.sdk.resources import Resource


def resource_of(service: str, *, version: str = "", environment: str = "") -> Resource:
    """Return the resource of this process.

    https://opentelemetry.io/docs/specs/semconv/resource/service/
    """
    named = {
        "service.name": service,
        "service.version": version,
        "deployment.environment.name": environment,
        "service.instance.id": secrets.token_hex(8),
    }
    return Resource.create({name: value for name, value in named.items() if value})
