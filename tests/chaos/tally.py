"""What was found wrong, by comparing what clients were acknowledged with what clients saw."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

TOLD = 40
"""Findings that are put into words; the numbers count all."""


@dataclass
class Tally:
    """What the table at the end says."""

    acknowledged: int = 0
    retried: int = 0
    lost: int = 0
    repeated: int = 0
    gaps: int = 0
    disordered: int = 0
    cursors_back: int = 0
    restarts: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """The findings in words."""

    def faults(self) -> int:
        return self.lost + self.repeated + self.gaps + self.disordered + self.cursors_back

    def compare(self, where: str, wanted: Sequence[str], shown: Sequence[str]) -> None:
        """Count what is missing in `shown`, too much, or not in the order of `wanted`."""
        places = {one: place for place, one in enumerate(wanted)}
        counts = Counter(shown)
        self._find(where, "lost", [one for one in wanted if one not in counts])
        strange = [one for one in counts if one not in places]
        self._find(where, "lost", [f"{one} (of no history)" for one in strange])
        self._find(where, "repeated", [one for one, count in counts.items() if count > 1])
        first = [places[one] for one in dict.fromkeys(shown) if one in places]
        back = [late for early, late in itertools.pairwise(first) if late < early]
        self._find(where, "disordered", [wanted[one] for one in back])

    def number(self, where: str, seqs: Sequence[int]) -> None:
        """Count the gaps in a whole history's numbers, which are 1, 2, 3 and so on."""
        missing = set(range(1, (max(seqs) if seqs else 0) + 1)) - set(seqs)
        self._find(where, "gaps", [str(one) for one in sorted(missing)])

    def hold(self, where: str, before: tuple[int, ...], now: tuple[int, ...]) -> None:
        """Count cursors that went back."""
        back = [one for one, other in zip(before, now, strict=True) if other < one]
        self._find(where, "cursors_back", [f"{before} became {now}"] * bool(back))

    def _find(self, where: str, what: str, which: Sequence[str]) -> None:
        setattr(self, what, getattr(self, what) + len(which))
        if which and len(self.told) < TOLD:
            self.told.append(f"{where}: {what} {len(which)}: {', '.join(which[:3])}")

    def table(self) -> str:
        rows = [
            ("kills", len(self.restarts)),
            ("messages acknowledged", self.acknowledged),
            ("sends repeated by clients", self.retried),
            ("lost", self.lost),
            ("repeated", self.repeated),
            ("gaps in seq", self.gaps),
            ("out of order", self.disordered),
            ("cursors gone back", self.cursors_back),
            ("restart p50", f"{statistics.median(self.restarts):.2f} s"),
            ("restart max", f"{max(self.restarts):.2f} s"),
        ]
        return "\n".join([*(f"{name:<28}{value!s:>10}" for name, value in rows), *self.told])
