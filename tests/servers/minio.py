"""A real MinIO, built once from its Go module and kept in the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.cache import Missing, alone, cache_folder
from tests.servers.process import free_port, running

MODULE = "github.com/minio/minio"
VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
"""The last commit of its main branch: releases are no versions to Go."""
USER, PASSWORD = "chat4all-tests", "no-secret-of-anybody"
BUILD = "MinIO is not built; `scripts/servers` builds it, which takes some minutes"


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


def program() -> Path:
    """Return where the program is. Raises `Missing`, which says how to come by it."""
    on_path = shutil.which("minio")
    built = cache_folder() / f"minio-{VERSION}" / "minio"
    if built.exists():
        return built
    if on_path is not None:
        return Path(on_path)
    if shutil.which("go") is None:
        raise Missing("there is no MinIO, and no Go to build it with (https://go.dev/dl)")
    raise Missing(BUILD)


def build() -> Path:
    """Build the program unless it is there. Raises `Missing` when that cannot be done."""
    with alone(f"minio-{VERSION}") as folder:
        if (folder / "minio").exists() or shutil.which("go") is None:
            return program()
        command = ["go", "install", "-trimpath", "-ldflags=-s -w", f"{MODULE}@{VERSION}"]
        made = folder / "bin"
        environment = {**os.environ, "GOBIN": str(made), "CGO_ENABLED": "0"}
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if done.returncode != 0:
            raise Missing(f"MinIO cannot be built:\n{done.stderr.decode()[-2000:]}")
        (made / "minio").rename(folder / "minio")
        return folder / "minio"


@contextmanager
def running_minio(folder: Path) -> Iterator[Minio]:
    """Run it on `folder` until the block ends. Raises `Missing`."""
    command, port, console = program(), free_port(), free_port()
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
