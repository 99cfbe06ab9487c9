"""The pages keep up with the code, and their links lead somewhere."""

import ast
import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
import typer.main

from chat4all.bootstrap.connectors import installed_connectors
from chat4all.cli.app import app
from chat4all.connectors.mock import PhoneNetwork
from chat4all.domain.errors import Chat4AllError
from chat4all.gateway.rest.asyncapi_frames import SERVER_FRAMES
from chat4all.gateway.rest.problems import HTTP_CODES, STATUS
from chat4all.gateway.ws import frames
from chat4all.gateway.ws.closing import Close
from chat4all.settings import PREFIX, Settings
from tests.api import tus_cases, tus_page

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
SKIPPED = {".venv", ".git", "node_modules", ".pytest_cache", ".hypothesis"}
LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- test: ([\w-]+) -->\n+```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PLACES = re.compile(r"(?<![\w.$~:/-])/(?:home|root|tmp|Users|work|opt|mnt)/[\w.-]+")
REGISTRY_HOSTS = ("pypi.org", "pythonhosted.org", "registry.npmjs.org", "proxy.golang.org")


def pages() -> list[Path]:
    return [
        path
        for path in sorted(ROOT.rglob("*.md"))
        if SKIPPED.isdisjoint(path.relative_to(ROOT).parts)
    ]


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def missing(names: Iterator[str] | list[str], text: str) -> list[str]:
    """Return the names that the text does not show as code."""
    return [name for name in names if f"`{name}`" not in text]


def test_every_setting_has_a_line_with_its_default() -> None:
    lines = {line.split("`")[1]: line for line in page("settings.md").splitlines() if "| `" in line}
    wrong = []
    for name, field in Settings.model_fields.items():
        line = lines.pop(f"{PREFIX}{name.upper()}", "")
        shown = f"`{field.default}`" if field.default not in ("", None) else "empty"
        if shown not in line.replace("`50000`", "`50_000`").replace("50_000", "50000"):
            wrong.append(f"{PREFIX}{name.upper()}: default {shown}")
    assert wrong == []
    assert set(lines) <= {"CHAT4ALL_CONFIG"}, "these are no settings"


def protocols() -> Iterator[str]:
    for path in sorted((ROOT / "src/chat4all/ports").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and any(
                isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases
            ):
                yield node.name


def test_every_port_has_a_line() -> None:
    assert len(list(protocols())) > 20
    assert missing(protocols(), page("ports.md")) == []


def commands(command: Any, path: str) -> Iterator[str]:
    """Yield the words of every command; a group is a command that has `commands`."""
    children = getattr(command, "commands", None)
    if children is None:
        if not command.hidden:
            yield path
        return
    for name, child in children.items():
        yield from commands(child, f"{path} {name}")


def test_every_command_has_a_line() -> None:
    found = list(commands(typer.main.get_command(app), "chat4all"))
    text = page("cli.md")
    assert found
    assert [name for name in found if not re.search(rf"{name}(?![\w-])", text)] == []


def test_every_connector_has_a_section() -> None:
    kinds = installed_connectors(Settings(), PhoneNetwork())
    assert len(kinds) > 1
    sections = page("connectors.md").split("\n## ")
    for name, kind in kinds.items():
        if kind.source != "chat4all":
            continue  # its package has its page
        section = next((one for one in sections if f"`{name}`" in one.splitlines()[0]), "")
        assert section, f"{name} has no section"
        assert f"{kind.capabilities.max_text:,}" in section, f"{name}: the length of its texts"
        assert missing([one.value for one in kind.capabilities.payloads], section) == []


def every_error(root: type[Chat4AllError]) -> Iterator[type[Chat4AllError]]:
    yield root
    for child in root.__subclasses__():
        yield from every_error(child)


def test_every_error_has_a_line_with_its_status() -> None:
    text = page("errors.md")
    wrong = []
    for kind in every_error(Chat4AllError):
        if kind.__name__.startswith("_"):
            continue
        line = next((one for one in text.splitlines() if one.startswith(f"| `{kind.code}` ")), "")
        if str(int(STATUS[kind])) not in line:
            wrong.append(f"{kind.code}: {int(STATUS[kind])}")
    assert wrong == []
    assert missing(sorted(set(HTTP_CODES.values())), text) == []


def test_every_frame_and_close_code_of_the_websocket_has_a_line() -> None:
    text = page("websocket.md")
    client = [str(one.__struct_config__.tag) for one in frames.ClientFrame.__args__]
    assert missing(["auth", *client], text) == []
    assert missing(list(SERVER_FRAMES), text) == []
    assert [code for code in Close if str(int(code)) not in text] == []


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(path: Path) -> None:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    broken = []
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target) or target.startswith("/"):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)
    assert broken == []


def anchors(path: Path) -> set[str]:
    titles = HEADING.findall(FENCE.sub("", path.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_names_a_place_on_one_machine_or_a_registry(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert PLACES.findall(text) == []
    assert [host for host in REGISTRY_HOSTS if host in text] == []


@pytest.mark.parametrize("name", ["serve.txt", "dev.txt"])
def test_a_lock_names_hashes_and_no_place_to_get_them_from(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    entries = re.split(r"\n(?=\S)", text.strip())
    assert [one for one in entries if "--hash=sha256:" not in one] == []


def test_the_locks_agree() -> None:
    pinned = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
    dev, serve = (
        dict(pinned.findall((ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")))
        for name in ("dev", "serve")
    )
    assert serve.items() <= dev.items()


def test_the_two_readmes_show_the_same_commands() -> None:
    english, portuguese = (
        (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.pt-BR.md")
    )
    pairs = zip_longest(code_blocks(english), code_blocks(portuguese))
    assert [pair for pair in pairs if pair[0] != pair[1]] == []
    assert MARK.findall(english) == MARK.findall(portuguese)
    assert LINK.findall(english)[0] == "README.pt-BR.md"
    assert LINK.findall(portuguese)[0] == "README.md"


def code_blocks(text: str) -> list[str]:
    return [
        match["body"] for match in FENCE.finditer(text) if match["info"] in ("sh", "python", "ts")
    ]


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    decisions = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert decisions
    assert [name for name in decisions if f"({name})" not in index] == []
    assert [int(name[:4]) for name in decisions] == list(range(1, len(decisions) + 1))


def test_the_page_of_uploads_shows_every_case_of_the_protocol() -> None:
    page = tus_page.PAGE.read_text(encoding="utf-8")
    assert tus_page.with_cases(page) == page, "run python -m tests.api.tus_page"
    assert all(case.why for case in tus_cases.CASES if case.reference is not None)
