"""The table of the files bench: rates, and ratios of the same round."""

from __future__ import annotations

from bench.files import COPY, SERVERS, Times, lines_of

MIB = 1 << 20


def test_ratios_are_those_of_each_round_and_above_one_when_we_are_faster() -> None:
    rounds = [
        {
            name: Times(upload=seconds if name == "ours" else 2 * seconds, verify=1.0, download=1.0)
            for name in (*SERVERS, COPY)
        }
        for seconds in (1.0, 10.0, 4.0)
    ]
    lines = dict(lines_of(rounds, 100 * MIB))
    assert lines["upload, ours"] == "25.00 MiB/s (10.00 to 100.00)"
    assert lines["upload, ours / @tus/server"] == "2.00 (2.00 to 2.00)"
    assert lines["download, ours / nginx"] == "1.00 (1.00 to 1.00)"
