"""The servers between which files are compared: ours, @tus/server, nginx."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import httpx

from bench import people, servers
from bench.servers import BenchFailed, Cores
from bench.transfer import fetch, send
from tests.servers.cache import Missing
from tests.servers.process import free_port, running
from tests.servers.tus import running_tus_server

BYTES = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
TUS = {"Tus-Resumable": "1.0.0"}
NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/errors; worker_processes 1;
events {{ }}
http {{
  access_log off; sendfile on; client_max_body_size 0; client_body_temp_path {folder}/body;
  server {{ listen 127.0.0.1:{port}; root {folder}/files; dav_methods PUT; }}
}}
"""


class FileServer(Protocol):
    """Something that takes a file and gives it back."""

    pid: int

    def take(self, file: Path) -> None:
        """Take a file."""
        ...

    def finish(self) -> None:
        """Do what is left to do with the file that was taken."""
        ...

    def give(self) -> int:
        """Give the file that was taken last back; return how many bytes came."""
        ...


@dataclass
class Ours:
    """The product: tus, and `/content` once the SHA-256 was compared."""

    url: str
    pid: int
    headers: dict[str, str]
    conversation: str
    _file: str = ""
    _sums: dict[Path, str] = field(default_factory=dict)

    def prepare(self, file: Path) -> None:
        """Note the checksum of a file that will be sent."""
        with file.open("rb") as body:
            self._sums[file] = f"sha256:{hashlib.file_digest(body, 'sha256').hexdigest()}"

    def take(self, file: Path) -> None:
        """Create an upload and send it in one request."""
        size = str(file.stat().st_size)
        told = {"filename": "a", "checksum": self._sums[file], "conversation_id": self.conversation}
        pairs = ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in told.items())
        made = httpx.post(
            f"{self.url}/v1/files/uploads",
            headers={**self.headers, **TUS, "Upload-Length": size, "Upload-Metadata": pairs},
            trust_env=False,
        ).raise_for_status()
        upload = made.headers["location"]
        self._file = upload.rpartition("/")[2]
        send("PATCH", upload, {**self.headers, **TUS, **BYTES}, file, 204)

    def finish(self) -> None:
        """Have the stored bytes verified."""
        url = f"{self.url}/v1/files/{self._file}/complete"
        httpx.post(url, headers=self.headers, timeout=600, trust_env=False).raise_for_status()

    def give(self) -> int:
        """Read the content."""
        return fetch(f"{self.url}/v1/files/{self._file}/content", self.headers)


@dataclass
class Reference:
    """@tus/server with its file store, which neither syncs nor verifies."""

    url: str
    pid: int
    _upload: str = ""

    def take(self, file: Path) -> None:
        """Create an upload and send it in one request."""
        size = str(file.stat().st_size)
        made = httpx.post(self.url, headers={**TUS, "Upload-Length": size}, trust_env=False)
        self._upload = made.raise_for_status().headers["location"]
        send("PATCH", self._upload, {**TUS, **BYTES}, file, 204)

    def finish(self) -> None:
        """Do nothing: it is complete."""

    def give(self) -> int:
        """Read it back."""
        return fetch(self._upload, TUS)


@dataclass
class Nginx:
    """nginx: PUT by its DAV module, and GET by sendfile."""

    url: str
    pid: int
    _files: int = 0

    def take(self, file: Path) -> None:
        """PUT it."""
        self._files += 1
        send("PUT", f"{self.url}/{self._files}", {}, file, 201)

    def finish(self) -> None:
        """Do nothing: it is complete."""

    def give(self) -> int:
        """GET it."""
        return fetch(f"{self.url}/{self._files}", {})


@contextmanager
def ours(folder: Path) -> Iterator[Ours]:
    """Run the product."""
    with servers.product(folder, Cores(None, None), environment={}) as server:
        lane = people.lanes(server.url)[0]
        headers = {"Authorization": f"Bearer {lane.sender_token}"}
        yield Ours(server.url, server.pid, headers, lane.conversation_id)


@contextmanager
def reference(folder: Path) -> Iterator[Reference]:
    """Run @tus/server."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with running_tus_server(folder, most=1 << 40) as (url, pid):
            yield Reference(url, pid)
    except Missing as missing:
        raise BenchFailed(str(missing)) from missing


@contextmanager
def nginx(folder: Path) -> Iterator[Nginx]:
    """Run nginx."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(program).exists():
        raise BenchFailed("there is no nginx (Debian: apt-get install nginx-light)")
    for name in ("files", "body"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    port = free_port()
    config = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(user + NGINX.format(folder=folder, port=port))
    url = f"http://127.0.0.1:{port}"
    (folder / "files" / "ready").touch()
    with running(
        [program, "-c", str(config), "-p", str(folder)],
        environment={"PATH": os.environ["PATH"]},
        output=folder / "output.txt",
        ready=f"{url}/ready",
    ) as process:
        yield Nginx(url, process.pid)


def version_of_nginx() -> str:
    """Return what `nginx -v` says."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    done = subprocess.run([program, "-v"], capture_output=True, text=True, check=False)  # noqa: S603
    return done.stderr.strip().rpartition("/")[2]
