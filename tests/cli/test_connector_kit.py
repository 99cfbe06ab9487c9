"""`chat4all connector`: write a connector, and try it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "data")


def test_a_new_connector_passes_its_own_tests_at_once(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-v")  # as some have in their environment
    place = tmp_path / "elsewhere" / "matrix"
    told = shell.done("connector", "new", "matrix", "--folder", str(place))
    assert str(place) in told
    names = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    assert {"pyproject.toml", "README.md", "src/chat4all_matrix/payloads/text.json"} <= names
    assert 'matrix = "chat4all_matrix:KIND"' in (place / "pyproject.toml").read_text()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        command, cwd=place, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stdout
    assert "passed" in ended.stdout

    table = shell.told("connector", "test", "matrix", "--tests", str(place / "tests"))
    assert len(table) > 25
    assert {one["result"] for one in table} == {"ok", "skipped"}

    file = place / "src" / "chat4all_matrix" / "connector.py"
    file.write_text(file.read_text().replace("if not hmac.compare_digest(", "if any(() for _ in ("))
    file.write_text(file.read_text().replace("(given, expected):", "(given, expected)):"))
    ended = shell.run("connector", "test", "matrix", "--tests", str(place / "tests"))
    assert ended.returncode == 1
    assert "failed" in ended.stdout


@pytest.mark.parametrize("name", ["Matrix", "my-chat", "1st", "", "example", "a__b", "../up"])
def test_a_name_that_is_none_is_refused(shell: Shell, tmp_path: Path, name: str) -> None:
    ended = shell.run("connector", "new", "--folder", str(tmp_path / "new"), "--", name)
    assert ended.returncode == 2
    assert not (tmp_path / "new").exists()


def test_a_folder_in_use_is_left_alone(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    ended = shell.run("connector", "new", "matrix", "--folder", str(tmp_path))
    assert ended.returncode == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt"]


def test_a_connector_without_tests_is_named(shell: Shell, tmp_path: Path) -> None:
    ended = shell.run("connector", "test", "nobody")
    assert ended.returncode == 1
    assert "nobody registers no tests" in ended.stderr
    ended = shell.run("connector", "test", "nobody", "--tests", str(tmp_path))
    assert ended.returncode == 1
    assert "no binding of ConnectorContract" in ended.stderr
