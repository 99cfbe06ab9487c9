"""The arithmetic of the report: percentiles, medians, spread, ratios."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import msgspec

from bench.job import Latency


def percentile(ascending: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (0 to 1) of the values do not exceed.

    The nearest rank: always a value that was measured. Raises `ValueError` without values.
    """
    if not ascending:
        raise ValueError("no values")
    rank = math.ceil(share * len(ascending))
    return ascending[max(0, min(len(ascending), rank) - 1)]


def latency(seconds: Sequence[float]) -> Latency | None:
    """Return the distribution of `seconds` in milliseconds; None when nothing was measured."""
    if not seconds:
        return None
    ascending = sorted(seconds)

    def at(share: float) -> float:
        return round(percentile(ascending, share) * 1e3, 3)

    return Latency(count=len(ascending), p50=at(0.5), p95=at(0.95), p99=at(0.99), most=at(1.0))


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """One number measured in every round: its median, and the least and most of it."""

    median: float
    least: float
    most: float
    rounds: int

    @property
    def width(self) -> float:
        """Return the distance of least and most as a share of the median."""
        return (self.most - self.least) / abs(self.median) if self.median else 0.0


def spread(values: Sequence[float | None]) -> Spread | None:
    """Return median and range of the values that were measured; None when none was."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(
        median=statistics.median(known), least=min(known), most=max(known), rounds=len(known)
    )


def ratios(values: Sequence[float | None], bases: Sequence[float | None]) -> list[float | None]:
    """Divide round by round, so that a machine that drifts between rounds cancels out."""
    return [
        value / base if value is not None and base else None
        for value, base in zip(values, bases, strict=True)
    ]
