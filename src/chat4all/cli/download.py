"""Where a file that is fetched shall lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chat4all.cli.api import Api
from chat4all.cli.bar import Bar
from chat4all.cli.failure import CommandFailed
from chat4all.cli.terminal import clean
from chat4all.client.download import Wanted, fetch
from chat4all.client.transfer import sha256_of


async def download(api: Api, file_id: str, output: Path | None, bar: Bar) -> Path:
    """Return where the file lies, once its checksum was found to be right.

    Until then it is called `<name>.part`; one that is there already is gone on with.
    """
    info = await api.get(f"/v1/files/{file_id}")
    if info["state"] != "ready":
        detail = info.get("error", {}).get("detail")
        raise CommandFailed(detail or f"the file has no bytes to read: it is {info['state']}")
    target = _target(info, output)
    size = info["size"]
    if target.exists():
        if await _is_the_same(target, info, bar):
            return target
        raise CommandFailed(f"{target} is there already; name another file with -o")
    wanted = Wanted(file_id, size=size, checksum=info["checksum"])
    await fetch(api, wanted, target, lambda phase: bar.phase(phase, size))
    return target


def _target(info: dict[str, Any], output: Path | None) -> Path:
    name = Path(clean(info["name"]).replace("\n", " ").replace("\\", "/")).name
    named = name if name not in ("", ".", "..") else info["id"]
    if output is None:
        return Path(named)
    return output / named if output.is_dir() else output


async def _is_the_same(target: Path, info: dict[str, Any], bar: Bar) -> bool:
    if _size_of(target) != info["size"]:
        return False
    return await sha256_of(target, bar.phase("checking", info["size"])) == str(info["checksum"])


def _size_of(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None
