"""The pictures of docs/explanation/performance.md, from result files."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pygal
from pygal.style import CleanStyle

from bench.goals import Figure, Result

# What pygal hooks into imports for its plugins is of an older Python, and warns at every import.
sys.meta_path[:] = [one for one in sys.meta_path if type(one).__module__ != "pygal"]

MOST = 2.0
"""Goals reached this many times are drawn as if they were reached so often."""
_RATES = {
    "groups": ("group: deliveries/s", "bare broadcast: deliveries/s"),
    "peers": ("REST: delivered/s", "Prosody: delivered/s"),
    "batches": ("pushed/s meanwhile", "bare rows/s"),
}
"""Lines that are drawn beside each other."""
_MILLISECONDS = (0.1, 0.3, 1, 3, 10, 30, 100)


def goals_plot(reached: Mapping[str, Sequence[Figure]], folder: Path) -> str:
    """Draw for each scenario how far it reaches that of its goals which is furthest away."""
    found = {name: worst(figures) for name, figures in reached.items()}
    names = {name: value for name, value in found.items() if value is not None}
    chart = _chart(pygal.HorizontalBar, "The goals furthest away: 1 is just reached", "")
    chart.x_labels = [name.partition(";")[0] for name in names]
    chart.add("reached", [round(one, 3) for one in names.values()])
    chart.add("goal", [1.0] * len(names))
    return _save(chart, "performance-goals", folder)


def worst(figures: Sequence[Figure]) -> float | None:
    """Return how far the goal furthest away is reached; None without one to be drawn."""
    return min((min(MOST, one.reached) for one in figures if one.way and one.limit), default=None)


def latency_plot(peers: Result, folder: Path) -> str:
    """Draw latencies against load, the product's and the empty POST's."""
    values = medians(peers)
    loads = sorted({int(name[3:5]) for name in values if re.match(r"at \d\d%: ", name)})
    chart = _chart(pygal.Line, "Latency against load", "% of what is accepted at most")
    chart.x_labels = [f"{load} %" for load in loads]
    chart.logarithmic, chart.y_title = True, "milliseconds"
    chart.y_labels = _MILLISECONDS
    for what in ("202 to screen", "due to screen", "empty POST"):
        for rank in ("p50", "p99"):
            found = [values.get(f"at {load}%: {what}, {rank}, ms") for load in loads]
            # A logarithm has no place for a frame that came before its 202.
            chart.add(f"{what}, {rank}", [one if one and one > 0 else None for one in found])
    return _save(chart, "performance-latency", folder)


def rates_plot(results: Mapping[str, Result], folder: Path) -> str:
    """Draw what is delivered per second beside what it is compared with."""
    chart = _chart(pygal.Bar, "Delivered per second", "")
    chart.x_labels = [name for name in _RATES if name in results]
    told = [
        [medians(results[name]).get(_RATES[name][place]) for name in chart.x_labels]
        for place in range(2)
    ]
    for label, rates in zip(("the product", "beside it"), told, strict=True):
        chart.add(label, rates)
    return _save(chart, "performance-deliveries", folder)


def medians(result: Result) -> dict[str, float]:
    """Return the median of every line, by its name without its goal."""
    return {
        what.partition(", goal ")[0]: value["median"]
        for what, value in result.lines
        if isinstance(value, dict)
    }


def _chart(kind: Any, title: str, x_title: str) -> Any:
    return kind(
        title=title,
        x_title=x_title,
        style=CleanStyle,
        width=800,
        height=360,
        legend_at_bottom=True,
        truncate_legend=-1,
        truncate_label=-1,
        js=[],
    )


def _save(chart: Any, name: str, folder: Path) -> str:
    """Write it, the same in each run; return the name of its file."""
    text = chart.render(is_unicode=True).replace(chart.uuid, "plain")
    (folder / f"{name}.svg").write_text(re.sub(r"<!--.*?-->", "", text))
    return f"{name}.svg"
