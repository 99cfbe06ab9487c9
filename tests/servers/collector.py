"""The OpenTelemetry Collector, built of the parts that our configuration names.

https://opentelemetry.io/docs/collector/extend/ocb/
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.servers.cache import Missing, alone, cache_folder, skip_for
from tests.servers.process import free_port, running

OURS = Path(__file__).parents[2] / "ops/otel-collector"
_MANIFEST: dict[str, Any] = yaml.safe_load((OURS / "builder.yaml").read_text())
VERSION: str = _MANIFEST["dist"]["version"]
_NAME = f"otelcol-{VERSION}"
_BUILDER = f"go.opentelemetry.io/collector/cmd/builder@v{VERSION}"


@dataclass(frozen=True, slots=True)
class Collector:
    """Where it takes OTLP, tells its metrics, and looks for the log files of containers."""

    otlp: str
    metrics: str
    containers: Path


def build() -> Path:
    """Build it unless it is there. Raises `Missing`."""
    with alone(_NAME) as folder:
        if (folder / "otelcol").exists():
            return _program()
        if shutil.which("go") is None:
            raise Missing("the Collector needs Go to be built (https://go.dev/dl)")
        manifest = {**_MANIFEST, "dist": {**_MANIFEST["dist"], "output_path": str(folder / "made")}}
        (folder / "builder.yaml").write_text(yaml.safe_dump(manifest))
        command = ["go", "run", _BUILDER, f"--config={folder}/builder.yaml", "--ldflags=-s -w"]
        done = subprocess.run(
            command,
            env={**os.environ, "CGO_ENABLED": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise Missing(f"the Collector cannot be built:\n{done.stderr.decode()[-2000:]}")
        (folder / "made/otelcol").rename(folder / "otelcol")
        shutil.rmtree(folder / "made")
        return _program()


def _program() -> Path:
    program = cache_folder() / _NAME / "otelcol"
    if not program.exists():
        raise Missing("the Collector is not here; `scripts/servers` builds it")
    return program


@contextmanager
def collector(folder: Path, receiver: str) -> Iterator[Collector]:
    """Run it with our configuration on free ports of loopback; traces and logs go to `receiver`."""
    try:
        program = _program()
    except Missing as missing:
        skip_for(missing)
    otlp, metrics, health = (f"127.0.0.1:{free_port()}" for _ in range(3))
    containers = folder / "containers"
    here = {
        "extensions": {"health_check": {"endpoint": health}},
        "receivers": {
            "otlp": {
                "protocols": {
                    "http": {"endpoint": otlp},
                    "grpc": {"endpoint": f"127.0.0.1:{free_port()}"},
                }
            },
            "filelog": {"include": [f"{containers}/*/*-json.log"], "start_at": "beginning"},
        },
        "exporters": {
            "prometheus": {"endpoint": metrics},
            "otlphttp/loki": {"endpoint": receiver},
        },
        "service": {"telemetry": {"metrics": {"level": "none"}}},
    }
    (folder / "here.yaml").write_text(yaml.safe_dump(here))
    command = [str(program), f"--config={OURS}/config.yaml", f"--config={folder}/here.yaml"]
    environment = {"TRACES_ENDPOINT": receiver}
    output, ready = folder / "collector.txt", f"http://{health}"
    with running(command, environment=environment, output=output, ready=ready):
        yield Collector(f"http://{otlp}", f"http://{metrics}/metrics", containers)
