"""The list of deliberate breakages: read from `mutations.toml`, shown in a page of the docs."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("mutations.toml")
PAGE = ROOT / "docs" / "reference" / "mutations.md"

_INTRODUCTION = """# Mutations

A test that cannot fail proves nothing. So the code is broken on purpose, in {count} places, one
at a time, and the tests named beside each breakage have to fail:

```sh
scripts/mutate                  # all of them; --jobs 2, --only ID
```

It works on a copy, ends with 1 when a breakage survives or no longer fits the code, and prints
which test caught each. The list is
[`tests/mutations/mutations.toml`](../../tests/mutations/mutations.toml); this page is written
from it by `scripts/mutate --write-docs`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One breakage: `find`, which occurs once in `file`, becomes `replace`.

    `promise` says what is promised and no longer kept. `tests` are the paths that must
    catch it, narrowed by `select` (pytest's `-k`) when that is not empty.
    """

    id: str
    file: str
    promise: str
    find: str
    replace: str
    tests: tuple[str, ...]
    select: str = ""

    def applied_to(self, source: str) -> str:
        """Return the broken source. Raises `LookupError` unless `find` occurs exactly once."""
        count = source.count(self.find)
        if count != 1:
            raise LookupError(f"{self.id}: `find` occurs {count} times in {self.file}")
        return source.replace(self.find, self.replace)


def load(path: Path = LIST) -> Sequence[Mutation]:
    """Read the list; an unknown or missing key is a `TypeError`."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["mutation"]
    return [Mutation(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]


def faults(mutations: Sequence[Mutation], root: Path = ROOT) -> Iterator[str]:
    """Say what in the list does not fit the code below `root`."""
    seen: set[str] = set()
    for one in mutations:
        if one.id in seen:
            yield f"{one.id}: there are two of this id"
        seen.add(one.id)
        if one.find == one.replace:
            yield f"{one.id}: changes nothing"
        yield from (f"{one.id}: there is no {path}" for path in _missing(one, root))
        try:
            one.applied_to((root / one.file).read_text(encoding="utf-8"))
        except (LookupError, OSError) as error:
            yield str(error)


def _missing(mutation: Mutation, root: Path) -> list[str]:
    return [path for path in mutation.tests if not (root / path).exists()]


def page(mutations: Sequence[Mutation]) -> str:
    """Return the page that lists `mutations`, a table for each file."""
    parts = [_INTRODUCTION.format(count=len(mutations))]
    by_file = sorted(mutations, key=lambda one: one.file)
    for file, group in groupby(by_file, key=lambda one: one.file):
        parts.append(f"\n## {file.removeprefix('src/chat4all/')}\n\n")
        parts.append("| Mutation | Breaks the promise | Caught by |\n|---|---|---|\n")
        parts.extend(
            f"| `{one.id}` | {one.promise} | {', '.join(f'`{path}`' for path in one.tests)} |\n"
            for one in group
        )
    return "".join(parts)
