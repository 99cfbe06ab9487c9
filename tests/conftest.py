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
ALIKE = "in the usual run: "


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--column",
        choices=column.COLUMNS,
        default=column.EMBEDDED,
        help="what the product of the tests in tests/e2e runs on",
    )


def pytest_configure(config: pytest.Config) -> None:
    column.chosen.name = config.getoption("--column")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # of `nohup` and of jobs of a script:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # what a test starts inherits it
    config.stash[OURS] = leftovers.name_this_run()
    if config.stash[OURS]:  # who is asked to stop, stops in order, as on Ctrl-C
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not column.chosen.is_distributed:
        return
    for item in items:
        if item.get_closest_marker("own_engines") is not None:
            item.add_marker(pytest.mark.skip(ALIKE + "brings roles and engines of its own"))
        mark = item.get_closest_marker("embedded")
        if mark is not None:
            item.add_marker(pytest.mark.skip(ELSEWHERE + mark.args[0]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count what was left out for the column."""
    if column.chosen.is_distributed:
        skipped = [str(one.longrepr) for one in terminalreporter.getreports("skipped")]
        alone, alike = (sum(why in one for one in skipped) for why in (ELSEWHERE, ALIKE))
        terminalreporter.write_line(f"{alone} tests concern the embedded column alone")
        terminalreporter.write_line(f"{alike} tests are the same on either, and in the usual run")


def pytest_sessionfinish() -> None:
    column.chosen.close()


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.stash.get(OURS, False):
        for process, command in leftovers.kill_what_is_left().items():
            sys.stderr.write(f"killed what a test left running: {process} {command}\n")
