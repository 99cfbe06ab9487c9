"""Writes what a bench measured, and shows ratios and rates as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from bench.machine import Commit
from bench.servers import ROOT
from bench.stats import Spread

RESULTS = ROOT / "bench" / "results"


def keep(
    report: msgspec.Struct, date: str, commit: Commit, scenario: str, path: Path | None
) -> Path:
    """Write a report as JSON, to `path` or to a file of `RESULTS`; return where.

    `date` is ISO 8601; without a `scenario` it is the main one.
    """
    if path is None:
        dirty = "-dirty" if commit.dirty else ""
        path = RESULTS / f"{date[:10]}-{commit.id}{dirty}{scenario and f'-{scenario}'}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    return path


def show_lines(lines: Sequence[tuple[str, Spread]], console: Console) -> None:
    """Print a table of what was measured in every round."""
    table = Table("what", "median (least to most)")
    for what, value in lines:
        table.add_row(what, f"{value.median:,.2f} ({value.least:,.2f} to {value.most:,.2f})")
    console.print(table)
