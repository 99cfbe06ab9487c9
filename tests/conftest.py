"""What holds for every run: nothing that it started is left running."""

from __future__ import annotations

import signal
import sys

import pytest
from hypothesis import settings

from tests.e2e import column
from tests.servers import leftovers

OURS = pytest.StashKey[bool]()
settings.register_profile("no deadline", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("no deadline")
ELSEWHERE = "of the embedded column: "


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--column",
        choices=column.COLUMNS,
        default=column.EMBEDDED,
        help="what the product of the tests in tests/e2e runs on",
    )


def pytest_configure(config: pytest.Config) -> None:
    column.chosen.name = config.getoption("--column")
    config.stash[OURS] = leftovers.name_this_run()
    if config.stash[OURS]:  # who is asked to stop, stops in order, as on Ctrl-C
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not column.chosen.is_distributed:
        return
    for item in items:
        mark = item.get_closest_marker("embedded")
        if mark is not None:
            item.add_marker(pytest.mark.skip(ELSEWHERE + mark.args[0]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count what concerns the embedded column alone."""
    if column.chosen.is_distributed:
        skipped = [str(one.longrepr) for one in terminalreporter.getreports("skipped")]
        count = sum(ELSEWHERE in one for one in skipped)
        terminalreporter.write_line(f"{count} tests concern the embedded column alone")


def pytest_sessionfinish() -> None:
    column.chosen.close()


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.stash.get(OURS, False):
        for process, command in leftovers.kill_what_is_left().items():
            sys.stderr.write(f"killed what a test left running: {process} {command}\n")
