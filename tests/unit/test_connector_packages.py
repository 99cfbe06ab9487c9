"""Connectors of packages: found by their entry point, and never in the way of the start."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from chat4all.bootstrap.connectors import installed_connectors, packaged_connectors
from chat4all.cli.connector_skeleton import write_skeleton
from chat4all.connectors.mock import PhoneNetwork
from chat4all.settings import Settings


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def install(site: Path, package: str, value: str, *, channel: str) -> None:
    """Leave behind what an installer leaves behind about entry points."""
    info = site / f"{package.replace('-', '_')}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[chat4all.connectors]\n{channel} = {value}\n")


def test_a_package_brings_its_channel_and_says_where_it_comes_from(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_skeleton("pigeon", tmp_path / "pigeon")
    monkeypatch.syspath_prepend(str(tmp_path / "pigeon" / "src"))
    install(site, "chat4all-pigeon", "chat4all_pigeon:KIND", channel="pigeon")
    kinds = installed_connectors(Settings(), PhoneNetwork())
    assert kinds["pigeon"].source == "chat4all-pigeon 1.2"
    assert kinds["mock"].source == "chat4all"
    stored = kinds["pigeon"].complete({"token": "abc"})
    assert len(stored["secret"]) > 30
    assert kinds["pigeon"].connector(stored).channel == "pigeon"


@pytest.mark.parametrize(
    ("module", "detail"),
    [
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("raise SystemExit('no licence')", "SystemExit: no licence"),
        ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
        ("KIND = 1", "broken_one:KIND is no ConnectorKind"),
        ("", "has no attribute 'KIND'"),
        ("from chat4all_hawk import KIND", "write it as the entry point's name"),
    ],
)
def test_a_broken_package_is_named_and_left_out(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, detail: str
) -> None:
    write_skeleton("hawk", tmp_path / "hawk")
    monkeypatch.syspath_prepend(str(tmp_path / "hawk" / "src"))
    monkeypatch.delitem(__import__("sys").modules, "broken_one", raising=False)
    (site / "broken_one.py").write_text(module)
    install(site, "chat4all-broken", "broken_one:KIND", channel="broken")
    install(site, "chat4all-hawk", "chat4all_hawk:KIND", channel="hawk")
    with capture_logs() as lines:
        kinds = packaged_connectors()
    assert "hawk" in kinds
    assert "broken" not in kinds
    [line] = [one for one in lines if one["connector"] == "broken"]
    assert line["log_level"] == "error"
    assert line["package"] == "chat4all-broken 1.2"
    assert detail in line["detail"]


def test_a_package_cannot_take_the_place_of_ours(site: Path) -> None:
    (site / "usurper.py").write_text(
        "from dataclasses import replace\n"
        "from chat4all.bootstrap.connectors import _telegram\n"
        "from chat4all.settings import Settings\n"
        "KIND = replace(_telegram(Settings()), channel='mock')\n"
    )
    install(site, "usurper", "usurper:KIND", channel="mock")
    with capture_logs() as lines:
        kinds = installed_connectors(Settings(), PhoneNetwork())
    assert kinds["mock"].source == "chat4all"
    assert [one["connector"] for one in lines] == ["mock"]
