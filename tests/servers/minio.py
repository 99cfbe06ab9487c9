"""A real MinIO."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.go_program import MINIO
from tests.servers.process import free_port, started, stop

USER, PASSWORD = "chat4all-tests", "no-secret-of-anybody"


class Minio:
    """One that answers at `url`, with the credentials above; started again it has what it had.

    Raises `Missing`.
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self._folder = folder
        self._program = MINIO.path()
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    def start(self) -> None:
        console = f"127.0.0.1:{free_port()}"
        listening = ["--address", f"127.0.0.1:{self.port}", "--console-address", console]
        environment = {
            "HOME": str(self._folder),
            "PATH": os.environ["PATH"],
            "MINIO_ROOT_USER": USER,
            "MINIO_ROOT_PASSWORD": PASSWORD,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "MINIO_CI_CD": "1",
        }
        self._process = started(
            [str(self._program), "server", *listening, str(self._folder / "data")],
            environment=environment,
            output=self._folder / "minio.txt",
            ready=f"{self.url}/minio/health/ready",
        )

    def stop(self) -> None:
        if self._process is not None:
            stop(self._process)
            self._process = None

    def environment(self) -> dict[str, str]:
        """Return the variables by which the AWS libraries find the credentials, and only them."""
        return {
            "AWS_ACCESS_KEY_ID": USER,
            "AWS_SECRET_ACCESS_KEY": PASSWORD,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextmanager
def running_minio(folder: Path, port: int | None = None) -> Iterator[Minio]:
    """Run it on `folder` until the block ends, at a free port unless one is given.

    Raises `Missing`.
    """
    server = Minio(folder, port)
    server.start()
    try:
        yield server
    finally:
        server.stop()
