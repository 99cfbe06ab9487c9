"""What the linters cannot say: sizes, names of files, codes of errors."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from chat4all.domain.errors import Chat4AllError

SRC = Path(__file__).parents[2] / "src" / "chat4all"
TESTS = Path(__file__).parents[1]
NEWCOMER = re.compile(r'people\.newcomer\(\s*"[^"]+",\s*"([^"]+)"')
MOST_LINES_OF_A_FUNCTION = 60
MOST_LINES_OF_A_FILE = 400
EXEMPT = {"static", "generated"}
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}


def sources() -> list[Path]:
    return [path for path in sorted(SRC.rglob("*.py")) if EXEMPT.isdisjoint(path.parts)]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def named(path: Path) -> str:
    return str(path.relative_to(SRC))


def tree_of_errors(root: type[Chat4AllError]) -> Iterator[type[Chat4AllError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree_of_errors(child)


def test_there_are_sources_to_look_at() -> None:
    assert len(sources()) > 100


def test_no_function_is_longer_than_60_lines() -> None:
    long = {
        f"{named(path)}:{one.lineno} {one.name}": length
        for path in sources()
        for one in functions(ast.parse(path.read_text(encoding="utf-8")))
        if (length := (one.end_lineno or one.lineno) - one.lineno + 1) > MOST_LINES_OF_A_FUNCTION
    }
    assert long == {}


def test_no_file_is_longer_than_400_lines() -> None:
    long = {
        named(path): lines
        for path in sources()
        if (lines := path.read_text(encoding="utf-8").count("\n")) > MOST_LINES_OF_A_FILE
    }
    assert long == {}


def test_every_file_and_folder_says_what_it_is_about() -> None:
    parts = {part for path in sources() for part in path.relative_to(SRC).with_suffix("").parts}
    assert parts & EMPTY_NAMES == set()


def test_every_error_has_a_code_of_its_own() -> None:
    codes = Counter(
        kind.code
        for kind in dict.fromkeys(tree_of_errors(Chat4AllError))
        if not kind.__name__.startswith("_")
    )
    assert {code: count for code, count in codes.items() if count > 1} == {}


def test_newcomers_to_the_server_that_tests_share_have_names_of_their_own() -> None:
    taken = Counter(
        username
        for path in sorted(TESTS.glob("e2e/test_*.py"))
        for username in NEWCOMER.findall(path.read_text(encoding="utf-8"))
    )
    assert taken.total() > 50
    assert [name for name, count in taken.items() if count > 1] == []
