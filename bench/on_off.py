"""Loads the product with something on and with it off, and compares the two in each round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.job import Outcome, Phase
from bench.load import CAPACITY
from bench.stats import Spread, ratios, spread

OFF = "off"
HALF = "half"
CONNECTIONS = 64

Phases = Mapping[str, Outcome]


def phases(seconds: float) -> list[Phase]:
    """Return the load: as much as it takes, then half of that."""
    return [
        Phase(name="warm", kind="closed", seconds=1.0),
        Phase(name=CAPACITY, kind="closed", seconds=seconds),
        Phase(name=HALF, kind="open", seconds=seconds, share=0.5),
    ]


def lines_of(rounds: Sequence[Mapping[str, Phases]]) -> list[tuple[str, Spread]]:
    """Return what is told of rounds that measured the same names: ratios to `OFF` first."""
    names = list(rounds[0])
    rates = {name: [one[name][CAPACITY].accepted for one in rounds] for name in names}
    late = {name: [_p99(one[name][HALF]) for one in rounds] for name in names}
    lines = [
        (f"{name} / {OFF}, accepted", spread(ratios(rates[name], rates[OFF])))
        for name in names
        if name != OFF
    ]
    lines += [(f"{name}: accepted/s", spread(rates[name])) for name in names]
    lines += [(f"{name}: p99 at half of that, ms", spread(late[name])) for name in names]
    return [(what, value) for what, value in lines if value is not None]


def _p99(outcome: Outcome) -> float | None:
    return None if outcome.answered is None else outcome.answered.p99
