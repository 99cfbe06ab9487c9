"""Packages of npm that tests run, fetched once into the cache."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.servers.cache import Missing, alone, cache_folder

_WANTED = ("package.json", "package-lock.json")


@dataclass(frozen=True, slots=True)
class NpmPackages:
    """What the lock in `source` names, and the `scripts` beside it that use them."""

    name: str
    source: Path
    scripts: tuple[str, ...] = ()

    def folder(self) -> Path:
        """Return where they are. Raises `Missing`."""
        folder = cache_folder() / self._named()
        if not (folder / "ready").exists():
            if shutil.which("npm") is None:
                raise Missing(
                    f"the {self.name} packages need Node and npm (Debian: apt-get install npm)"
                )
            raise Missing(
                f"the {self.name} packages are not here; `scripts/servers` fetches them from npm"
            )
        return folder

    def build(self) -> Path:
        """Fetch them unless they are there. Raises `Missing`."""
        with alone(self._named()) as folder:
            if (folder / "ready").exists() or shutil.which("npm") is None:
                return self.folder()
            for one in (*_WANTED, *self.scripts):
                shutil.copy(self.source / one, folder / one)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(
                command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
            if done.returncode != 0:
                said = done.stderr.decode()[-2000:]
                raise Missing(f"the {self.name} packages cannot be fetched:\n{said}")
            (folder / "ready").touch()
            return folder

    def _named(self) -> str:
        parts = (*_WANTED, *self.scripts)
        digest = sha256(b"".join((self.source / one).read_bytes() for one in parts))
        return f"{self.name}-{digest.hexdigest()[:12]}"
