"""Runs the conformance suite of a connector and tells what it found."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chat4all.testing.connector import ConnectorContract

_INI = """[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings =
    error
    ignore::pytest.PytestAssertRewriteWarning
"""
_OPTIONS = ("--import-mode=importlib", "-pno:terminal", "-pno:cacheprovider")


@dataclass(slots=True)
class Check:
    """One promise of the suite: how many times it was looked at, and what was seen."""

    name: str
    part: str
    passed: int = 0
    failures: list[str] = field(default_factory=list)
    lacks: list[str] = field(default_factory=list)

    @property
    def promise(self) -> str:
        """Return the promise as a sentence."""
        return self.name.removeprefix("test_").replace("_", " ")

    @property
    def result(self) -> str:
        """Return `failed`, `ok` or, for a promise that was not looked at, `skipped`."""
        if self.failures:
            return "failed"
        return "ok" if self.passed else "skipped"


def run_conformance(targets: Sequence[str], *, paths: Sequence[str] = ()) -> Sequence[Check]:
    """Run the bindings of `ConnectorContract` in `targets`, arguments of pytest, in this process.

    `paths` are places to import from, besides the working directory. Returns the checks in
    the order of the suite; empty when there is no binding.
    """
    collected = _Collected()
    with tempfile.TemporaryDirectory() as folder:
        ini = Path(folder) / "pytest.ini"
        ini.write_text(_INI)
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", folder)
        os.environ.pop("PYTEST_ADDOPTS", None)  # the author's, for runs of their own
        before = list(sys.path)
        sys.path[:0] = [*paths, str(Path.cwd())]
        try:
            pytest.main(
                [f"-c{ini}", f"--rootdir={folder}", *_OPTIONS, *targets], plugins=[collected]
            )
        finally:
            sys.path[:] = before
    return list(collected.checks.values())


class _Collected:
    """What pytest tells about the tests of the suite; other tests are left out."""

    def __init__(self) -> None:
        self.checks: dict[str, Check] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(filter(_is_ours, items), key=_place)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._check("test_it_can_be_loaded").failures.append(_last_line(report))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        check = self._check(report.location[2].partition("[")[0].rpartition(".")[2])
        if report.failed:
            check.failures.append(f"{report.location[2]}: {_last_line(report)}")
        elif report.skipped:
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            check.lacks.append(why.removeprefix("Skipped: "))
        elif report.when == "call":
            check.passed += 1

    def _check(self, name: str) -> Check:
        return self.checks.setdefault(name, Check(name, _PARTS.get(name, "the rest")))


def _is_ours(item: pytest.Item) -> bool:
    suite = item.cls if isinstance(item, pytest.Function) else None
    return suite is not None and issubclass(suite, ConnectorContract)


def _place(item: pytest.Item) -> int:
    return _ORDER.get(item.name.partition("[")[0], len(_ORDER))


def _last_line(report: pytest.CollectReport | pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    words = str(crash.message) if crash is not None else report.longreprtext
    lines = [line for line in words.splitlines() if line.strip()]
    return (lines[0] if crash is not None else lines[-1]) if lines else "no reason given"


def _in_order() -> list[tuple[str, str]]:
    parts = {
        "IncomingContract": "what comes in",
        "SendingContract": "what goes out",
        "MediaContract": "files",
        "FaultContract": "what fails",
    }
    return [
        (name, parts.get(kind.__name__, "the rest"))
        for kind in ConnectorContract.__mro__
        for name in vars(kind)
        if name.startswith("test_")
    ]


_PARTS = dict(_in_order())
_ORDER = {name: number for number, (name, _) in enumerate(_in_order())}
