"""The table of goals: which lines belong to it, what is met, and what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from bench import batches, full, peers, table
from bench.goals import ROWS, Figure, Result, Row, figures_of, goal_of, newest, result_of, shown
from bench.plots import medians, rates_plot, worst
from bench.servers import ROOT
from bench.table import QUICK, SCENARIOS, command_of, page_of, write
from tests.unit.bench.test_batches_bench import one as of_batches
from tests.unit.bench.test_full_bench import seen as of_full
from tests.unit.bench.test_peers_bench import one_round as of_peers
from tests.unit.bench.test_peers_bench import prosody


def row(**more: Any) -> Row:
    return Row(**{"what": "w", "beside": "b", "scenario": "s", "means": "m", **more})


@pytest.mark.parametrize(
    ("line", "goal"),
    [
        ("gRPC / empty POST, goal 0.4", ("gRPC / empty POST", ">=", 0.4)),
        (
            "at 60%: 202 to screen, p99, ms, goal <= 12",
            ("at 60%: 202 to screen, p99, ms", "<=", 12),
        ),
        ("serve: ready after, s, goal < 1.5", ("serve: ready after, s", "<", 1.5)),
        ("accepted/s", None),
    ],
)
def test_a_goal_is_read_in_its_line(line: str, goal: object) -> None:
    assert goal_of(line, row()) == goal


def test_a_row_takes_its_own_lines_and_goals_that_no_line_has() -> None:
    assert goal_of("REST a, goal 1", row(only="at ")) is None
    assert goal_of("a / b", row(goals={"a / b": (">=", 0.5)})) == ("a / b", ">=", 0.5)
    assert goal_of("beside, ms", row(also="beside, ms")) == ("beside, ms", "", 0.0)


def figure(way: str, limit: float, value: float) -> Figure:
    return Figure(what="w", way=way, limit=limit, value=value, spread=None)


@pytest.mark.parametrize(
    ("way", "value", "met"),
    [
        (">=", 2.0, True),
        (">=", 1.9, False),
        ("<=", 2.0, True),
        ("<=", 2.1, False),
        ("<", 2.0, False),
        ("<", 1.9, True),
        ("", 1.0, None),
    ],
)
def test_a_goal_is_met_by_the_median(way: str, value: float, met: bool | None) -> None:  # noqa: FBT001
    assert figure(way, 2.0, value).met is met


def test_the_goal_furthest_away_is_drawn() -> None:
    figures = [
        figure(">=", 2.0, 3.0),
        figure("<=", 20.0, 40.0),
        figure("<=", 0.0, 0.0),
        figure("", 0.0, 9.0),
    ]
    assert worst(figures) == 0.5
    assert worst([figure(">=", 1.0, 50.0)]) == 2.0
    assert worst([figure("<=", 0.0, 0.0)]) is None


def held(**more: Any) -> dict[str, Any]:
    machine = {"cpu": "EPYC", "cores": 2, "kernel": "Linux", "python": "CPython", "sqlite": "3"}
    return {
        "date": "2026-11-27T10:00:00+00:00",
        "commit": {"id": "abc", "dirty": False},
        "machine": {**machine, "load_average": [0.5, 1.0, 2.0]},
        "settings": {"seconds": 5.0},
        "lines": [],
        "broken": 0,
        "warnings": [],
        "rounds": [{}],
        **more,
    }


def kept(folder: Path, name: str, **more: Any) -> None:
    (folder / name).write_bytes(msgspec.json.encode(held(**more)))


def value(median: float, least: float = 0.0, most: float = 0.0, rounds: int = 1) -> dict[str, Any]:
    return {"median": median, "least": least, "most": most, "rounds": rounds}


def test_the_newest_file_of_a_scenario_is_taken(tmp_path: Path) -> None:
    kept(tmp_path, "2026-11-29-a-sends.json", date="2026-11-29T01:00:00+00:00")
    kept(tmp_path, "2026-11-29-b-sends.json", date="2026-11-29T02:00:00+00:00")
    kept(tmp_path, "2026-11-30-c-resends.json", date="2026-11-30T02:00:00+00:00")
    found = newest("sends", tmp_path)
    assert found is not None
    assert found.name == "2026-11-29-b-sends.json"
    assert newest("files", tmp_path) is None
    kept(tmp_path, "files.json")
    assert newest("files", tmp_path) is not None


def result(tmp_path: Path, **more: Any) -> Result:
    kept(tmp_path, "x-s.json", **more)
    return result_of(tmp_path / "x-s.json")


def test_lines_are_read_as_numbers_and_as_text_of_older_files(tmp_path: Path) -> None:
    lines = [
        ["a, goal 0.5", value(0.4, 0.3, 0.6, 3)],
        ["b", "1,204.50 MiB/s (7.00 to 2,000.25)"],
    ]
    found = figures_of(row(goals={"b": (">=", 1.0)}), result(tmp_path, lines=lines, broken=None))
    assert [(one.what, one.value, one.spread) for one in found] == [
        ("a", 0.4, (0.3, 0.6)),
        ("b", 1204.5, (7.0, 2000.25)),
    ]


def test_what_was_broken_is_a_goal_missed(tmp_path: Path) -> None:
    [found] = figures_of(row(), result(tmp_path, broken=3))
    assert (found.what, found.value, found.met) == ("promises broken", 3.0, False)
    [found] = figures_of(row(), result(tmp_path, broken=0))
    assert found.met


def test_a_file_names_its_commit_machine_and_how_much_was_measured(tmp_path: Path) -> None:
    found = result(tmp_path, commit={"id": "abc", "dirty": True}, size=1024, stored=None)
    assert found.commit == "abc, with changes"
    assert found.machine == "EPYC, 2 cores, Linux, CPython, SQLite 3"
    assert found.settings == {"rounds": 1, "seconds": 5.0, "size": 1024}


def goals_in(lines: Any) -> set[str]:
    return {what for what, _ in lines if ", goal" in what}


def test_every_line_with_a_goal_is_in_the_table() -> None:
    peer = of_peers(1.0, prosody(1.0))
    stores = {name: of_full(1.0, 1.0, 1.0) for name in (full.EMPTY, *full.FULL)}
    told = {
        "batches": goals_in(batches.lines_of([of_batches(1.0, 1.0, backlog=1)])),
        "full": goals_in(full.lines_of([stores])),
        "peers": goals_in(peers.lines_of([peer])),
    }
    assert {name: len(lines) for name, lines in told.items()} == {
        "batches": 2,
        "full": 12,
        "peers": 8,
    }
    for name, lines in told.items():
        rows = [one for one in ROWS if one.scenario == name]
        for line in lines:
            assert [goal_of(line, one) is not None for one in rows].count(True) == 1, line


def test_a_row_without_a_file_says_so_and_one_with_tells_figures_and_why() -> None:
    lines = [("gRPC / empty POST, goal 0.4", value(0.1, 0.05, 0.2, 3))]
    sent = Result(
        name="x-sends.json",
        date="2026-11-27T10:00:00+00:00",
        commit="abc",
        machine="EPYC",
        load_average=0.5,
        settings={"rounds": 3},
        broken=0,
        warnings=["it was loud"],
        lines=lines,
        rounds=[],
    )
    page = page_of({"sends": sent}, [("A picture", "../images/a.svg")])
    assert "| gRPC / empty POST: at least 0.40 | 0.10 (0.05 to 0.20) | **missed** | abc |" in page
    assert "|  |  | promises broken: at most 0 | 0 | met |  |" in page
    assert page.count("| not measured |") == len(ROWS) - 1
    assert "1 missed: As of REST" in page
    assert "at abc with rounds 3, on EPYC, load average before 0.50" in page
    assert "A doubt: it was loud." in page
    assert "![A picture](../images/a.svg)" in page


def test_page_and_pictures_are_written_from_files_alone_and_always_the_same(
    tmp_path: Path,
) -> None:
    lines = [
        ["REST delivered / Prosody, goal 4", value(3.0)],
        ["REST: delivered/s", value(3_000.0)],
        ["Prosody: delivered/s", value(1_000.0)],
        ["at 15%: 202 to screen, p50, ms, goal <= 1", value(2.0)],
        ["at 15%: empty POST, p99, ms", value(0.7)],
    ]
    kept(tmp_path, "peers.json", lines=lines)
    written = []
    for number in range(2):
        images = tmp_path / f"images-{number}" / "images"
        write(tmp_path, tmp_path / f"images-{number}.md", images)
        written.append({one.name: one.read_text() for one in images.iterdir()})
    assert written[0] == written[1]
    assert set(written[0]) == {
        "performance-goals.svg",
        "performance-latency.svg",
        "performance-deliveries.svg",
    }
    for text in written[0].values():
        assert ET.fromstring(text).tag.endswith("svg")  # noqa: S314 - our own
    assert (
        "0.5" in written[0]["performance-goals.svg"]
        or "0.75" in written[0]["performance-goals.svg"]
    )
    assert medians(result_of(tmp_path / "peers.json"))["at 15%: 202 to screen, p50, ms"] == 2.0
    page = (tmp_path / "images-0.md").read_text()
    assert "| at 15%: empty POST, p99, ms | 0.70 |  |" in page


def test_bars_of_rates_begin_at_nothing(tmp_path: Path) -> None:
    lines = [["group: deliveries/s", value(500.0)], ["bare broadcast: deliveries/s", value(5e3)]]
    kept(tmp_path, "groups.json", lines=lines)
    rates_plot({"groups": result_of(tmp_path / "groups.json")}, tmp_path)
    text = (tmp_path / "performance-deliveries.svg").read_text()
    bars = re.findall(r'<rect[^>]*height="([^"]+)" class="rect', text)
    ours, bare = (float(one) for one in bars)
    assert ours == pytest.approx(bare / 10)


def test_scenarios_are_run_by_their_names_with_what_they_take() -> None:
    shared = (ROOT / "bench" / "told.py").read_text()
    for name in QUICK:
        own = (ROOT / "bench" / f"{name}.py").read_text()
        known = own + shared if "parser_of" in own else own
        assert name in SCENARIOS
        options = [one for one in QUICK[name] if one.startswith("--")]
        assert all(f'"{one}"' in known for one in (*options, "--json")), name
    command = command_of("files", None, quick=False)
    assert command[1:] == ["files", "--size", "2048"]
    assert command_of("start", Path("/x"), quick=True)[-2:] == ["--json", "/x/start.json"]


def test_a_scenario_that_fails_is_named_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr(table, "command_of", lambda name, *_, **__: ["test", name, "=", "start"])

    class Console:
        def print(self, text: str) -> None:
            said.append(text)

        def rule(self, text: str) -> None:
            said.append(text)

    names = ["search", "start", "soak-of-nobody"]
    failed = table.measure(names, None, quick=True, console=Console())  # type: ignore[arg-type]
    assert failed == ["search ended with 1"]
    assert said[:2] == ["search", "start"]
    assert "no such scenario" in said[2]


def test_numbers_are_told_as_they_are_read() -> None:
    assert [shown(one) for one in (0.4, 4.0, 33_200.4, 0.001, 0)] == [
        "0.40",
        "4",
        "33,200",
        "0.001",
        "0",
    ]
