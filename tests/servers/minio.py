"""A real MinIO."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.go_program import MINIO
from tests.servers.process import free_port, running

USER, PASSWORD = "chat4all-tests", "no-secret-of-anybody"


@dataclass(frozen=True, slots=True)
class Minio:
    """One that answers at `url`, with the credentials above."""

    url: str
    process: subprocess.Popen[bytes]

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
    command, port, console = MINIO.path(), port or free_port(), free_port()
    listening = ["--address", f"127.0.0.1:{port}", "--console-address", f"127.0.0.1:{console}"]
    environment = {
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "MINIO_ROOT_USER": USER,
        "MINIO_ROOT_PASSWORD": PASSWORD,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "MINIO_CI_CD": "1",
    }
    url = f"http://127.0.0.1:{port}"
    with running(
        [str(command), "server", *listening, str(folder / "data")],
        environment=environment,
        output=folder / "minio.txt",
        ready=f"{url}/minio/health/ready",
    ) as process:
        yield Minio(url, process)
