"""Writes a connector package that works, to be changed bit by bit."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from chat4all.cli.failure import USAGE, CommandFailed

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_SUFFIX = ".template"


def write_skeleton(name: str, folder: Path) -> list[Path]:
    """Write the package `chat4all-<name>` into `folder`; return its files.

    Raises `CommandFailed` for a name that is none, and for a folder that is in use.
    """
    if not _NAME.fullmatch(name) or name == "example":
        detail = "small letters, digits and single underscores, such as `matrix`"
        raise CommandFailed(f"{name} is no name for a connector; use {detail}", code=USAGE)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CommandFailed(f"{folder} is in use; give another with --folder")
    return [_write(name, source, folder / place) for place, source in _templates()]


def _templates() -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    places = [("", files("chat4all.cli") / "skeleton")]
    while places:
        path, place = places.pop()
        for one in place.iterdir():
            if one.is_dir():
                places.append((f"{path}{one.name}/", one))
            elif one.name.endswith(_SUFFIX):
                found.append((f"{path}{one.name.removesuffix(_SUFFIX)}", one))
    return sorted(found, key=lambda pair: pair[0])


def _write(name: str, source: Traversable, target: Path) -> Path:
    target = Path(_named(str(target), name))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(_named(source.read_text(encoding="utf-8"), name), encoding="utf-8")
    return target


def _named(words: str, name: str) -> str:
    """Return the words about `example` as words about `name`."""
    title = "".join(part.capitalize() for part in name.split("_"))
    words = words.replace("chat4all-example", f"chat4all-{name.replace('_', '-')}")
    words = words.replace("x-example-", f"x-{name.replace('_', '-')}-")
    words = words.replace("X-Example-", f"X-{title}-")
    words = re.sub(r"example(?!\.com|-token|-secret)", name, words)
    return words.replace("Example", title)
