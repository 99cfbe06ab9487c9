"""What the guide shows is what there is."""

import re
from collections.abc import Iterator
from pathlib import Path

import typer.main

from chat4all.cli.app import app

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "howto" / "write-a-connector.md").read_text(encoding="utf-8")
COPIED = re.compile(r"<!-- file: (\S+) -->\n\n```\w+\n(.*?)\n```", re.DOTALL)
DOCSTRING = re.compile(r'^\s*""".*?"""\n', re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def code_lines(path: Path) -> int:
    """Count lines that are not blank, comments or docstrings."""
    source = DOCSTRING.sub("", path.read_text(encoding="utf-8"))
    lines = (line.strip() for line in source.splitlines())
    return sum(bool(line) and not line.startswith("#") for line in lines)


def connector_lines(folder: Path, suffix: str) -> int:
    names = ("__init__", "config", "connector", "translate")
    return sum(code_lines(folder / f"{name}{suffix}") for name in names)


def test_every_snippet_stands_in_the_file_it_is_from() -> None:
    copied = COPIED.findall(GUIDE)
    assert len(copied) > 10
    wrong = [path for path, body in copied if body not in (ROOT / path).read_text("utf-8")]
    assert wrong == []


def test_every_snippet_is_from_a_file_or_is_a_command() -> None:
    copied = {body for _, body in COPIED.findall(GUIDE)}
    others = [lang for lang, body in BLOCK.findall(GUIDE) if body.rstrip("\n") not in copied]
    assert set(others) == {"sh"}


def commands() -> Iterator[list[str]]:
    for lang, body in BLOCK.findall(GUIDE):
        if lang == "sh":
            yield from (words.split() for words in re.findall(r"chat4all (.+)", body))


def test_every_command_is_there() -> None:
    found = list(commands())
    assert found
    for words in found:
        group = getattr(typer.main.get_command(app), "commands", {})[words[0]]
        assert words[1] in group.commands


def test_the_cost_is_the_one_that_is_stated() -> None:
    skeleton = ROOT / "src/chat4all/cli/skeleton/src/chat4all_example"
    xmpp = ROOT / "connectors/xmpp/src/chat4all_xmpp"
    assert f"has {connector_lines(skeleton, '.py.template')}\nlines in 4 files" in GUIDE
    assert f"{code_lines(skeleton / 'conformance.py.template')} lines for its tests" in GUIDE
    assert f"has {connector_lines(xmpp, '.py')} lines in the same 4 files" in GUIDE
    recorded = len(list((xmpp / "payloads").glob("*.xml")))
    assert f"{recorded} recorded stanzas" in GUIDE
