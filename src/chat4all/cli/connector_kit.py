"""`chat4all connector`: write a connector for another platform, and try it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from chat4all.cli.connector_skeleton import write_skeleton
from chat4all.cli.contacts import Json
from chat4all.cli.failure import FAILED, USAGE, CommandFailed, reporting
from chat4all.cli.terminal import print_json, print_table, say
from chat4all.ports.connector_kind import TEST_ENTRY_POINTS

if TYPE_CHECKING:
    from chat4all.testing.conformance_run import Check

connector = typer.Typer(help="Write a connector for another platform.", no_args_is_help=True)

NEW_EXAMPLES = """Example:

\b
  chat4all connector new matrix --folder chat4all-matrix
"""
TEST_EXAMPLES = """Examples:

\b
  chat4all connector test matrix
  chat4all connector test matrix --tests tests
"""
STYLES = {"ok": "green", "failed": "bold red", "skipped": "yellow"}


@connector.command("new", epilog=NEW_EXAMPLES)
def new(
    name: Annotated[str, typer.Argument(help="The platform's name, such as matrix.")],
    folder: Annotated[
        Path | None, typer.Option(help="Where to write; else chat4all-NAME here.")
    ] = None,
) -> None:
    """Write a connector that works, with its tests and its page, to be changed."""
    place = folder or Path(f"chat4all-{name.replace('_', '-')}")
    with reporting():
        written = write_skeleton(name, place)
    say(f"Wrote {len(written)} files to {place}. Go on with:")
    say(f"  cd {place} && python -m pytest")
    say(f"  pip install -e {place} && chat4all connector test {name}")


@connector.command("test", epilog=TEST_EXAMPLES)
def try_connector(
    name: Annotated[str, typer.Argument(help="An installed connector, such as xmpp.")],
    tests: Annotated[
        Path | None, typer.Option(exists=True, help="Where its binding of the suite is.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the conformance suite; ends with 1 when a check fails."""
    with reporting():
        targets = [str(tests)] if tests else _targets(name)
        checks = _run(targets, [str(tests.parent / "src")] if tests else [])
        if not checks:
            raise CommandFailed(f"no binding of ConnectorContract in {', '.join(targets)}")
    if as_json:
        print_json([{**asdict(one), "result": one.result} for one in checks])
    else:
        _show(name, checks)
    if any(one.result == "failed" for one in checks):
        raise typer.Exit(FAILED)


def _run(targets: list[str], paths: list[str]) -> Sequence[Check]:
    try:
        from chat4all.testing.conformance_run import (  # noqa: PLC0415 - only this command needs it
            run_conformance,
        )
    except ModuleNotFoundError as error:
        detail = "the suite needs the extra `testing`: pip install 'chat4all[testing]'"
        raise CommandFailed(f"{detail} ({error.name} is missing)", code=USAGE) from error
    return run_conformance(targets, paths=paths)


def _targets(name: str) -> list[str]:
    """Return where the binding is: what its package registers, or the folder of this checkout."""
    for entry in entry_points(group=TEST_ENTRY_POINTS, name=name):
        return [_node(entry)]
    folder = Path("tests") / "connectors" / name
    if folder.is_dir():
        return [str(folder)]
    raise CommandFailed(
        f"{name} registers no tests in `{TEST_ENTRY_POINTS}`; say where they are with --tests"
    )


def _node(entry: EntryPoint) -> str:
    try:
        spec = find_spec(entry.module)
    except Exception as error:
        raise CommandFailed(f"{entry.value} cannot be loaded: {error}") from error
    if spec is None or spec.origin is None:
        raise CommandFailed(f"{entry.value} cannot be found; is the package installed whole?")
    return f"{spec.origin}::{entry.attr}"


def _show(name: str, checks: Sequence[Check]) -> None:
    rows = []
    for one in checks:
        many = one.passed + len(one.failures)
        seen = f"{one.passed} of {many}" if many else ", ".join(dict.fromkeys(one.lacks))
        rows.append((one.part, Text(one.result, style=STYLES[one.result]), seen, one.promise))
    print_table(("check", "result", "seen", "what it promises"), rows)
    for one in checks:
        for failure in one.failures:
            say(f"FAILED {failure}")
    results = [one.result for one in checks]
    counts = ", ".join(f"{results.count(word)} {word}" for word in STYLES if word in results)
    say(f"{name}: {counts}.")
