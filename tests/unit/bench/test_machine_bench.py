"""Which code a result names."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bench import machine


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Ana", "-c", "user.email=ana@example.com")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)  # noqa: S607 - as found


@pytest.mark.parametrize(
    ("changed", "dirty"),
    [
        ("bench/results/one.json", False),
        ("docs/explanation/performance.md", False),
        ("docs/images/performance-goals.svg", False),
        ("bench/one.py", True),
        ("src/one.py", True),
    ],
)
def test_what_the_benches_write_is_none_of_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str, *, dirty: bool
) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "begin")
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    assert not machine.commit().dirty
    (tmp_path / changed).parent.mkdir(parents=True)
    (tmp_path / changed).write_text("changed")
    assert machine.commit().dirty is dirty
