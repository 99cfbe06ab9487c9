"""What needs no server: help, settings, refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from chat4all import __version__
from chat4all.cli.app import app
from chat4all.cli.program import RUNNING, running

FIXTURES = Path(__file__).parents[1] / "unit" / "chat_export" / "fixtures"
WHATSAPP = FIXTURES / "whatsapp-ios-en.txt"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("URL", "TOKEN", "USERNAME", "PASSWORD", "PORT", "CONFIG"):
        monkeypatch.delenv(f"CHAT4ALL_{name}", raising=False)
    monkeypatch.setenv("CHAT4ALL_DATA_DIR", str(tmp_path / "data"))


def run(*words: str, stdin: str | None = None) -> Any:
    return CliRunner().invoke(app, list(words), input=stdin)


def paths(command: Any, *words: str) -> Iterator[tuple[str, ...]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield words
        return
    for name, child in children.items():
        yield from paths(child, *words, name)


@pytest.mark.parametrize("words", list(paths(typer.main.get_command(app))), ids=" ".join)
def test_every_command_has_help_with_an_example(words: tuple[str, ...]) -> None:
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert re.search(rf"Examples?:\n(.*\n)*.*chat4all {' '.join(words)}", result.output)


def test_what_runs_the_product_alone_is_the_same_as_among_all_commands() -> None:
    assert {words[0] for words in paths(typer.main.get_command(running()))} == set(RUNNING)
    for name in RUNNING:
        alone = CliRunner().invoke(running(), [name, "--help"])
        assert alone.output == run(name, "--help").output


def test_the_version_is_told() -> None:
    assert __version__ in run("version").output
    assert json.loads(run("version", "--json").output)["version"] == __version__
    assert run("--version").output == f"chat4all {__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "gateway"], "set CHAT4ALL_LOG_URL"),
        (["run", "router,files"], "a process of its own"),
        (["run", "router", "--channel", "telegram"], "role connector"),
        (["run", "wizard"], "no role wizard"),
        (["send", "hi"], "--to NAME or --conversation ID"),
        (["trace", "not-an-id"], "no message id"),
        (["user", "create", "ana"], "--password-stdin"),
        (["contact", "add", "Bia", "--channel", "telegram"], "PLATFORM:ID"),
        (["history", "bia"], "CHAT4ALL_TOKEN"),
        (["import", str(WHATSAPP), "--owner", "ana", "--me", "Zoe"], "Ana, Bob, Carla"),
        (
            ["import", str(WHATSAPP), "--owner", "ana", "--me", "Ana", "--timezone", "Mars"],
            "time zone Mars",
        ),
    ],
)
def test_wrong_use_is_one_line_on_standard_error(words: list[str], said: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_the_port_of_a_role_is_that_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT4ALL_PORT", "many")
    assert "CHAT4ALL_PORT" in run("run", "router").stderr


def test_a_file_that_is_no_export_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear Ana,\n")
    result = run("import", str(file), "--owner", "ana", "--me", "Ana")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "not a chat export" in result.stderr


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    result = run("import", str(tmp_path / "none.txt"), "--owner", "ana", "--me", "Ana")
    assert result.exit_code == 1
    assert "none.txt" in result.stderr


def test_a_dry_run_tells_what_is_in_an_export() -> None:
    words = ["import", str(WHATSAPP), "--owner", "ana", "--me", "Ana", "--dry-run"]
    told = json.loads(run(*words, "--json").stdout)
    assert told["format"] == "whatsapp"
    assert [one["messages"] for one in told["chats"]] == [14]
    assert "--chat-name" in run(*words).stdout


def test_settings_tell_where_they_come_from_and_hide_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "chat4all.toml"
    file.write_text('log_level = "debug"\nport = 9000\n')
    monkeypatch.setenv("CHAT4ALL_CONFIG", str(file))
    monkeypatch.setenv("CHAT4ALL_PORT", "9001")
    monkeypatch.setenv("CHAT4ALL_TELEGRAM_TOKEN", "123456:secret")
    result = run("--data-dir", str(tmp_path), "settings", "--json")
    rows = {row["name"]: (row["value"], row["source"]) for row in json.loads(result.stdout)}
    assert rows["data_dir"] == (str(tmp_path), "--data-dir")
    assert rows["port"] == (9001, "environment")
    assert rows["log_level"] == ("debug", str(file))
    assert rows["host"] == ("127.0.0.1", "default")
    assert rows["telegram_token"] == ("********", "environment")
    assert "secret" not in result.stdout + run("settings").stdout


def test_an_unknown_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT4ALL_PROT", "9000")
    result = run("settings")
    assert result.exit_code == 2
    assert result.stderr.startswith("chat4all: there is no setting CHAT4ALL_PROT")


def test_a_tail_needs_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT4ALL_TOKEN", "any")
    result = run("tail")
    assert result.exit_code == 1
    assert "chat4all serve" in result.stderr


def test_every_option_has_its_words_in_the_reference() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text()
    missing = []
    for words in paths(typer.main.get_command(app)):
        _, _, section = text.partition(f"### `chat4all {' '.join(words)}`")
        section = section.partition("\n### ")[0]
        shown = set(re.findall(r"--[a-z-]+", run(*words, "--help").output.partition("Examples")[0]))
        missing += [
            f"{' '.join(words)} {option}"
            for option in sorted(shown - {"--json", "--username", "--help"})
            if f"`{option}" not in section
        ]
    assert missing == []
