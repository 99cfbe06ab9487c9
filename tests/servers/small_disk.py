"""A disk that can be filled: a tmpfs of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.cache import Missing, skip_for


def enlarge(folder: Path, size: int) -> None:
    """Give such a disk more room."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)  # noqa: S607 - as above


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Mount a disk of `size` bytes on `folder`; skip, or fail in CI, where this user may not."""
    folder.mkdir(parents=True, exist_ok=True)
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or umount is None:
        skip_for(Missing("a disk that can be filled is a tmpfs, and to mount one takes root"))
    command = [mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        why = "this root may not mount a tmpfs (a container needs --cap-add SYS_ADMIN)"
        skip_for(Missing(f"{why}: {made.stderr.strip()}"))
    try:
        yield folder
    finally:
        subprocess.run([umount, "-l", str(folder)], check=True)
