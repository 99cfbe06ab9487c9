"""The TypeScript client as it is published: compiled, and where programs find it."""

from __future__ import annotations

import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from tests.servers.cache import Missing, alone, skip_for
from tests.servers.sdk_packages import PACKAGES, SDK

_WANTED = ("package.json", "package-lock.json", "tsconfig.json", "biome.json", "src")


def packages() -> Path:
    """Return where the npm packages are that it is made with; skip the test without them."""
    try:
        return PACKAGES.folder() / "node_modules"
    except Missing as missing:
        skip_for(missing)


def npm_run(folder: Path, *words: str) -> str:
    """Run a script of its `package.json`, which must succeed; return what it printed."""
    command = ["npm", "run", "--silent", *words]
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built_client() -> Path:
    """Return the folder of the package, compiled once for each state of its sources."""
    parts = [SDK / one for one in _WANTED]
    files = sorted(file for part in parts for file in (part, *part.rglob("*")) if file.is_file())
    digest = sha256(b"".join(str(one).encode() + one.read_bytes() for one in files))
    with alone(f"sdk-built-{digest.hexdigest()[:12]}") as folder:
        if not (folder / "ready").exists():
            for part in parts:
                if part.is_dir():
                    shutil.copytree(part, folder / part.name, dirs_exist_ok=True)
                else:
                    shutil.copy(part, folder)
            if not (folder / "node_modules").exists():
                (folder / "node_modules").symlink_to(packages())
            npm_run(folder, "build")
            (folder / "ready").touch()
        return folder


def install_into(folder: Path) -> None:
    """Let programs in `folder` import `@chat4all/client` and `ws`."""
    place = folder / "node_modules"
    (place / "@chat4all").mkdir(parents=True)
    (place / "@chat4all" / "client").symlink_to(built_client())
    for name in ("ws", "@types", "undici-types"):
        if (packages() / name).exists():
            (place / name).symlink_to(packages() / name)
