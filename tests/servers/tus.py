"""The npm packages of tus: a server to compare ours with, and a client to send with."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from tests.servers.cache import Missing, alone, cache_folder
from tests.servers.process import free_port, running

PACKAGES = Path(__file__).with_name("tus_packages")
_WANTED = ("package.json", "package-lock.json")
_SCRIPTS = ("server.mjs", "send.mjs")


def _name() -> str:
    digest = sha256(b"".join((PACKAGES / one).read_bytes() for one in (*_WANTED, *_SCRIPTS)))
    return f"tus-{digest.hexdigest()[:12]}"


def scripts() -> Path:
    """Return the folder of the scripts, beside what they import. Raises `Missing`."""
    folder = cache_folder() / _name()
    if not (folder / "ready").exists():
        if shutil.which("npm") is None:
            raise Missing("the tus packages need Node and npm (Debian: apt-get install npm)")
        raise Missing("the tus packages are not here; `scripts/servers` fetches them from npm")
    return folder


def build() -> Path:
    """Fetch the packages unless they are there. Raises `Missing`."""
    with alone(_name()) as folder:
        if (folder / "ready").exists() or shutil.which("npm") is None:
            return scripts()
        for one in (*_WANTED, *_SCRIPTS):
            shutil.copy(PACKAGES / one, folder / one)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if done.returncode != 0:
            raise Missing(f"the tus packages cannot be fetched:\n{done.stderr.decode()[-2000:]}")
        (folder / "ready").touch()
        return folder


@contextmanager
def running_tus_server(
    folder: Path, *, most: int, expiry_ms: int | None = None
) -> Iterator[tuple[str, int]]:
    """Run @tus/server on `folder` until the block ends; yield its endpoint and process id."""
    place, port = scripts(), free_port()
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
