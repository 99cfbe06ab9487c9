"""The npm packages of tus: a server to compare ours with, and a client to send with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.npm_packages import NpmPackages
from tests.servers.process import free_port, running

PACKAGES = NpmPackages("tus", Path(__file__).with_name("tus_packages"), ("server.mjs", "send.mjs"))


@contextmanager
def running_tus_server(
    folder: Path, *, most: int, expiry_ms: int | None = None
) -> Iterator[tuple[str, int]]:
    """Run @tus/server on `folder` until the block ends; yield its endpoint and process id."""
    place, port = PACKAGES.folder(), free_port()
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{port}/files"
    words = [str(data), str(port), str(most), *([str(expiry_ms)] if expiry_ms else [])]
    with running(
        ["node", str(place / "server.mjs"), *words],
        environment={"PATH": os.environ["PATH"], "HOME": str(folder)},
        output=folder / "tus-server.txt",
        ready=url,
        method="OPTIONS",
    ) as process:
        yield url, process.pid
