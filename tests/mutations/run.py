"""Breaks a copy of the code on purpose, one mutation at a time, and sees who notices.

Run it by `scripts/mutate`. The code of this checkout is never touched.
"""

from __future__ import annotations

import argparse
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic

from tests.mutations.mutation_list import PAGE, ROOT, Mutation, faults, load, page

COPIED = ("src", "tests", "connectors", "ops", "pyproject.toml")
TEST_TIMEOUT = 30  # seconds for one test: a breakage may well make it wait for ever
RUN_TIMEOUT = 300  # seconds for all the tests of one mutation
BASELINE_TIMEOUT = 1_800
PASSED, FAILED, NOTHING_SELECTED = (
    0,
    1,
    5,
)  # https://docs.pytest.org/en/stable/reference/exit-codes.html

_FAILED_TEST = re.compile(r"^(?:FAILED|ERROR) (?:\S*/)?(\S+?\.py)::(.+?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one mutation."""

    mutation: Mutation
    caught: bool
    told: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _options(arguments)
    mutations = load()
    if options.write_docs:
        PAGE.write_text(page(mutations), encoding="utf-8")
        return 0
    if problems := list(faults(mutations)):
        _say("The list does not fit the code:", *problems)
        return 1
    chosen = [one for one in mutations if not options.only or one.id in options.only]
    if unknown := set(options.only) - {one.id for one in chosen}:
        _say(f"There is no mutation {', '.join(sorted(unknown))}.")
        return 2
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        return _run(chosen, Path(folder), jobs=options.jobs)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/mutate", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="ID", help="may be repeated")
    parser.add_argument("--jobs", type=int, default=1, help="copies to work on at a time")
    parser.add_argument("--write-docs", action="store_true", help=f"only write {PAGE.name}")
    return parser.parse_args(arguments)


def _run(mutations: Sequence[Mutation], folder: Path, *, jobs: int) -> int:
    started = monotonic()
    copies = [_copied(folder / str(number)) for number in range(max(jobs, 1))]
    if trouble := _baseline(mutations, copies[0]):
        _say("Without any mutation the tests are not green:", trouble)
        return 1
    free: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)
    verdicts: list[Verdict] = []
    width = max(len(one.id) for one in mutations)
    with ThreadPoolExecutor(len(copies)) as pool:
        for verdict in pool.map(partial(_judged, free), mutations):
            verdicts.append(verdict)
            mutation, told = verdict.mutation, verdict.told
            _say(f"{mutation.id:<{width}}  {mutation.promise}\n{'':<{width}}    {told}")
    escaped = [one for one in verdicts if not one.caught]
    caught = len(verdicts) - len(escaped)
    _say(f"\n{caught} caught of {len(verdicts)}, in {monotonic() - started:.0f} s")
    if escaped:
        _say("Not caught:", *(f"  {one.mutation.id}: {one.told}" for one in escaped))
    return 1 if escaped else 0


def _copied(to: Path) -> Path:
    """Copy the code and its tests, and make sure that it is the copy that gets imported."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, to / name)
    # Bytecode that is checked by content: two changes within a second are told apart.
    _python(to, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "src")
    imported = _python(to, "-c", "import chat4all; print(chat4all.__file__)").stdout.strip()
    if not Path(imported).resolve().is_relative_to(to.resolve()):
        raise RuntimeError(f"the tests would run on {imported}, not on the copy in {to}")
    return to


def _baseline(mutations: Sequence[Mutation], copy: Path) -> str:
    """Run every test that is going to be asked; return what went wrong, or nothing."""
    selections: dict[tuple[str, ...], list[str]] = {}
    for one in mutations:
        selections.setdefault(one.tests, []).append(one.select)
    for tests, selects in selections.items():
        select = "" if "" in selects else " or ".join(f"({one})" for one in dict.fromkeys(selects))
        ended = _pytest(copy, tests, select, timeout=BASELINE_TIMEOUT)
        if ended.returncode != PASSED:
            return ended.stdout[-3_000:] + ended.stderr[-1_000:]
    return ""


def _judged(free: queue.SimpleQueue[Path], mutation: Mutation) -> Verdict:
    copy = free.get()
    try:
        return _verdict(mutation, copy)
    finally:
        free.put(copy)


def _verdict(mutation: Mutation, copy: Path) -> Verdict:
    path = copy / mutation.file
    whole = path.read_text(encoding="utf-8")
    path.write_text(mutation.applied_to(whole), encoding="utf-8")
    tell: Callable[..., Verdict] = partial(Verdict, mutation=mutation)
    try:
        ended = _pytest(copy, mutation.tests, mutation.select, timeout=RUN_TIMEOUT)
    except subprocess.TimeoutExpired:
        return tell(caught=False, told=f"NO ANSWER within {RUN_TIMEOUT} s")
    finally:
        path.write_text(whole, encoding="utf-8")
    failed = _FAILED_TEST.search(ended.stdout)
    if ended.returncode == FAILED and failed:
        return tell(caught=True, told=f"caught by {failed[1]}::{failed[2]}")
    if ended.returncode == PASSED:
        return tell(caught=False, told="SURVIVED")
    if ended.returncode == NOTHING_SELECTED:
        return tell(caught=False, told="NO TEST is selected")
    # An import that breaks is no breakage of a promise: nobody could ship it.
    return tell(caught=False, told=f"NOT JUDGED: pytest ended with {ended.returncode}")


def _pytest(
    copy: Path, tests: Sequence[str], select: str, *, timeout: float
) -> subprocess.CompletedProcess[str]:
    narrowed = ["-k", select] if select else []
    quiet = ["-x", "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider"]
    limit = ["--timeout", str(TEST_TIMEOUT)]
    return _python(copy, "-m", "pytest", *quiet, *limit, *narrowed, *tests, timeout=timeout)


def _python(
    copy: Path, *arguments: str, timeout: float = RUN_TIMEOUT
) -> subprocess.CompletedProcess[str]:
    surroundings = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(copy / "src"), str(copy)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "400",  # so that the names of failed tests are not cut
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=surroundings,
        text=True,
        capture_output=True,
        timeout=timeout,
        check=False,
    )


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
