"""Programs that are built once from their Go modules and kept in the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.servers.cache import Missing, alone, cache_folder


@dataclass(frozen=True, slots=True)
class GoProgram:
    """One program: what it is called, and the module and version that `go install` makes it of."""

    name: str
    module: str
    version: str

    @property
    def _key(self) -> str:
        return f"{self.name}-{self.version}"

    def path(self) -> Path:
        """Return where the program is. Raises `Missing`, which says how to come by it."""
        built = cache_folder() / self._key / self.name
        if built.exists():
            return built
        on_path = shutil.which(self.name)
        if on_path is not None:
            return Path(on_path)
        if shutil.which("go") is None:
            raise Missing(f"there is no {self.name}, and no Go to build it (https://go.dev/dl)")
        raise Missing(f"{self.name} is not built; `scripts/servers` builds it once")

    def build(self) -> Path:
        """Build the program unless it is there. Raises `Missing` when that cannot be done."""
        with alone(self._key) as folder:
            if (folder / self.name).exists() or shutil.which("go") is None:
                return self.path()
            command = ["go", "install", "-trimpath", "-ldflags=-s -w"]
            command.append(f"{self.module}@{self.version}")
            made = folder / "bin"
            environment = {**os.environ, "GOBIN": str(made), "CGO_ENABLED": "0"}
            done = subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
            if done.returncode != 0:
                raise Missing(f"{self.name} cannot be built:\n{done.stderr.decode()[-2000:]}")
            (made / self.name).rename(folder / self.name)
            return folder / self.name


KUSTOMIZE = GoProgram("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", "v5.7.1")
MINIO = GoProgram("minio", "github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c")
"""The last commit of MinIO's main branch: its releases are no versions to Go."""
