"""Writes the cases of tus into docs/reference/uploads.md: `python -m tests.api.tus_page`."""

from __future__ import annotations

import re
from pathlib import Path

from tests.api.tus_cases import CASES, EXPIRED

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "uploads.md"
_BEGIN, _END = "<!-- cases: begin -->\n", "<!-- cases: end -->\n"


def with_cases(page: str) -> str:
    """Return the page with the list of the cases as it must be."""
    rows = ["| case | ours | @tus/server | why they differ |", "|---|---|---|---|"]
    for case in (*CASES, *EXPIRED):
        theirs = case.status if case.reference is None else case.reference
        rows.append(f"| {case.name} | {case.status} | {theirs} | {case.why} |")
    table = "\n".join(rows) + "\n"
    found = re.compile(f"(?<={re.escape(_BEGIN)}).*(?={re.escape(_END)})", re.DOTALL)
    return found.sub(lambda _: table, page)


if __name__ == "__main__":
    PAGE.write_text(with_cases(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
