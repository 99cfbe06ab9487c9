"""The bench of starts: what is told of them, and how memory is read."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.memory import HIGHEST, RESIDENT, kib
from bench.start import ASGI, FILLED, FRESH, LITESTAR, PYTHON, Started, lines_of, starts
from bench.told import settings_of

STATUS = "Name:\tpython\nVmPeak:\t  200 kB\nVmHWM:\t  3072 kB\nVmRSS:\t  2048 kB\nThreads:\t4\n"


def started(seconds: float, memory: float = 10.0) -> Started:
    return Started(seconds=seconds, processor=seconds / 2, memory=memory)


def test_starts_are_compared_with_those_of_their_round() -> None:
    rounds = [
        {
            PYTHON: started(0.01 * slow),
            ASGI: started(0.2 * slow, 40.0),
            LITESTAR: started(0.5 * slow, 50.0),
            FRESH: started(1.0 * slow, 100.0),
            FILLED: started(1.2 * slow, 110.0),
        }
        for slow in (1.0, 3.0, 2.0)
    ]
    lines = dict(lines_of(rounds))
    assert lines[f"{FRESH}: ready after, s, goal < 1.5"].median == 2.0
    assert lines[f"{FILLED}: resident when idle, MiB, goal < 120"].most == 110.0
    assert lines[f"{FRESH} / {LITESTAR}: ready after"].most == 2.0
    assert lines[f"{FRESH} / {ASGI}: resident"].median == 2.5
    assert lines[f"{FRESH}: processor until then, s"].least == 0.5


def test_memory_is_read_by_the_name_of_its_field() -> None:
    assert (kib(STATUS, RESIDENT), kib(STATUS, HIGHEST)) == (2048, 3072)
    assert kib("", RESIDENT) == 0


def test_every_target_that_is_told_is_started() -> None:
    assert set(starts(Path("unused"), 0.0)) == {PYTHON, ASGI, LITESTAR, FRESH, FILLED}


def test_options_that_are_numbers_stand_in_the_results() -> None:
    given = argparse.Namespace(rounds=3, idle=0.5, json=None, folder=Path("here"), only="x")
    assert settings_of(given) == {"rounds": 3, "idle": 0.5}
