"""The TypeScript package: its types are those of the server, and its sources are in order."""

from __future__ import annotations

import json
import re

from tests.sdk.api_types import GENERATED, generated_types
from tests.sdk.built import built_client, npm_run, packages
from tests.servers.sdk_packages import SDK

MOST_LINES = 400


def test_the_types_are_those_of_the_server() -> None:
    packages()
    written = GENERATED.read_text(encoding="utf-8")
    assert written == generated_types(), "run scripts/sdk-types"


def test_the_sources_pass_the_compiler_and_the_linter() -> None:
    npm_run(built_client(), "lint")


def test_the_package_needs_no_other() -> None:
    package = json.loads((SDK / "package.json").read_text(encoding="utf-8"))
    assert "dependencies" not in package
    imported = {
        name
        for file in (SDK / "src").glob("*.ts")
        for name in re.findall(r'(?:from|import) "([^"]+)"', file.read_text(encoding="utf-8"))
    }
    assert [name for name in imported if not name.startswith("./")] == []


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((SDK / "package-lock.json").read_text(encoding="utf-8"))
    assert [one for one in lock["packages"].values() if "resolved" in one] == []


def test_no_file_is_longer_than_400_lines() -> None:
    sources = list((SDK / "src").glob("*.ts"))
    assert len(sources) > 15
    long = [file.name for file in sources if file.read_text().count("\n") > MOST_LINES]
    assert long == []
