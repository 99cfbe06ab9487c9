"""The product's goals of speed: what each is measured by, and how far the newest files reach.

Most goals stand in the lines of the result files, as `..., goal 0.6` or `..., goal <= 20`, and
are read there; those of other files stand here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

_GOAL = re.compile(r"^(?P<what>.*), goal (?P<way><=|<|>=)? ?(?P<limit>[\d.]+)$")
_NUMBER = re.compile(r"[\d,.]+")
AT_LEAST, AT_MOST, LESS = ">=", "<=", "<"
LEAST_SHOWN = 0.005
"""Below it two decimals say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table: what is measured, beside what, by which scenario."""

    what: str
    beside: str
    scenario: str
    means: str
    """What the figures are."""
    known: str = ""
    """Why the goal is missed, as far as that is known."""
    only: str = ""
    """The beginning of the lines that belong here, where the scenario has others too."""
    also: str = ""
    """The end of lines that are told beside those with a goal."""
    goals: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    """Lines whose goal does not stand in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A line of a file that has a goal, or is told beside one and has none: no `way`."""

    what: str
    way: str
    limit: float
    value: float
    spread: tuple[float, float] | None

    @property
    def met(self) -> bool | None:
        """Return whether the median is as asked for; None where nothing is."""
        if not self.way:
            return None
        if self.way == AT_LEAST:
            return self.value >= self.limit
        return self.value <= self.limit if self.way == AT_MOST else self.value < self.limit

    @property
    def reached(self) -> float:
        """Return how far the goal is reached: 1.0 is just so, and more is better."""
        if self.way == AT_LEAST:
            return self.value / self.limit
        return self.limit / self.value if self.value else float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A file that a bench has written."""

    name: str
    date: str
    commit: str
    machine: str
    load_average: float
    settings: Mapping[str, float]
    """How long and how much, such as the messages stored beforehand."""
    broken: int | None
    warnings: Sequence[str]
    lines: Sequence[tuple[str, Any]]
    rounds: Sequence[Any]


ROWS = (
    Row(
        what="REST send, 64 senders",
        beside="empty POST on plain ASGI; Prosody with its archive on",
        scenario="peers",
        only="REST ",
        means=(
            "What is answered 202, durable, and what comes to recipients, per second; with "
            "metrics, limits and tracing on."
        ),
        known=(
            "A message costs 0.41 ms of one interpreter, spread over two hundred functions of "
            "which none takes a tenth (the profile is in the reference); accepting is some three "
            "fifths of it, routing and telling the rest. The goals leave 0.12 ms (0.3 of the empty "
            "POST) and 0.15 ms (four times Prosody, which takes 0.59)."
        ),
    ),
    Row(
        what="batches of 100",
        beside="group commit of the same rows by SQLite alone",
        scenario="batches",
        means=(
            "The lesser of messages acknowledged and pushed, and messages stored, to rows that "
            "nobody is told of."
        ),
        known=(
            "Accepting, placing, storing and pushing share one interpreter and are 180 "
            "microseconds of Python a message, where a bare row takes 12 and the goals leave 20 "
            "and 40: on the event loop a third is routing, a quarter telling, a fifth accepting, a "
            "tenth the calls of the kernel, one a frame."
        ),
    ),
    Row(
        what="WebSocket and gRPC send",
        beside="empty POST on plain ASGI; empty call of grpcio",
        scenario="sends",
        also=" / empty gRPC call",
        means="What is accepted by each way per second.",
        known=(
            "As of REST. A single call of gRPC: grpcio alone takes about a sixth of the empty "
            "POST, so the goal is out of its reach; ours is more than a quarter of that call."
        ),
    ),
    Row(
        what="202 to the recipient's socket",
        beside="latency of the empty POST at the same rate",
        scenario="peers",
        only="at ",
        also="empty POST, p99, ms",
        means="At 15, 30 and 60 % of what is accepted at most, due at random, milliseconds.",
        known=(
            "A message that comes while the router has a batch in hand waits until that is stored, "
            "published and committed: three commits one after the other. Of few messages a second "
            "each costs the server more than twice the processor time of one of many, as nothing "
            "is shared."
        ),
    ),
    Row(
        what="router on Kafka and a message store",
        beside="bare clients, the same writes",
        scenario="routers",
        means="Messages stored and published per second by a process; what a second process adds.",
        known=(
            "A batch is written down before it is carried out, which is twice the work for the "
            "database server. With two routers that uses 1.2 of the two cores, so none is free."
        ),
        goals={
            "router / bare clients, 1 process": (AT_LEAST, 0.5),
            "router, 2 processes / 1": (AT_LEAST, 1.8),
        },
    ),
    Row(
        what="10,000 WebSockets, 1,000 active",
        beside="bare echo server of the same stack",
        scenario="sockets",
        means="Resident memory of each connection, and deliveries per second.",
        known=(
            "A delivery is one write in the step that tells of the event. Among 10,000 it costs "
            "from a fifth more than a bare frame to three quarters more, on the same code in "
            "other hours of the same machine, where the bare server's speed differs most. Renewing "
            "who is online, every 20 s for each, is in that, and so is what a message costs once."
        ),
    ),
    Row(
        what="group of 1,000 members",
        beside="bare broadcast",
        scenario="groups",
        means="Frames that come to members per second.",
        known=(
            "A delivery is nearly all write, as with the bare frame; what a message costs once, "
            "on the way into the log and the store, is shared out among the members."
        ),
    ),
    Row(
        what="1,000,000 messages; one conversation of them; 100,000 conversations of a user",
        beside="empty store",
        scenario="full",
        also="empty: longest answer at half load, ms",
        means=(
            "What is accepted; the longest answer at half load, which the empty store has "
            "beside it as the noise; medians of pages."
        ),
        known=(
            "The longest of 15,000 answers takes as long with the empty store as with the others, "
            "so no checkpoint is seen in it: the garbage collector looks through 20,000 objects "
            "at a time, which took 14 to 27 ms, and who comes meanwhile waits as well. With the "
            "empty store the longest was 47 ms with it and 25 without."
        ),
    ),
    Row(
        what="2 GiB upload and download",
        beside="`@tus/server`; plain copy",
        scenario="files",
        means=(
            "Bytes per second; ours are on disk when the upload is answered, those of "
            "`@tus/server` need not be."
        ),
        known=(
            "Of 2 s of the processor for a GiB that comes up, 1.5 are the kernel's, which copies "
            "it into the pages of the file, and then the disk is waited for, which `@tus/server` "
            "does not do; a durable copy of the file takes nearly as long as our upload."
        ),
        goals={
            f"{way}, ours / {peer}": (AT_LEAST, limit)
            for way in ("upload", "download")
            for peer, limit in (("@tus/server", 1.0), ("file copy", 0.6))
        },
    ),
    Row(
        what="search over 1,000,000 messages",
        beside="bare FTS5",
        scenario="search",
        means="The first page: time of the bare query to that of the API, and milliseconds.",
        known=(
            "A search that takes the file less than an answer takes the API cannot reach the "
            "ratio, however quick it is."
        ),
    ),
    Row(
        what="start to ready; memory idle",
        beside="",
        scenario="start",
        means=(
            "Seconds from the start of the process until `/readyz` says yes; MiB resident when "
            "idle."
        ),
        known=(
            "Most of it is loading 1,600 modules, 1.1 s of the processor, of which making their "
            "dataclasses takes a quarter; registering the routes takes 0.27 s. With data the pages "
            "of the databases that each connection keeps come on top."
        ),
    ),
    Row(
        what="three times overload for 60 s",
        beside="",
        scenario="overload",
        means=(
            "Seconds after it until a message is as quick as before; a promise is broken by a "
            "message lost, and by a refusal without `Retry-After`."
        ),
        goals={
            f"not within 20 s: {what}, rounds": (AT_MOST, 0.0) for what in ("answered", "on screen")
        },
    ),
    Row(
        what="30-minute soak at 50 %",
        beside="",
        scenario="soak",
        means="How resident memory and latency change from the beginning to the end.",
    ),
)


def newest(scenario: str, folder: Path) -> Result | None:
    """Return the newest file of a scenario; None when there is none."""
    found = [result_of(one) for one in sorted(folder.glob(f"*{scenario}.json"))]
    named = [one for one in found if one.name.removesuffix(".json").split("-")[-1] == scenario]
    return max(named, key=lambda one: one.date, default=None)


def result_of(path: Path) -> Result:
    """Read a file."""
    held: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    machine, commit = held["machine"], held["commit"]
    return Result(
        name=path.name,
        date=held["date"],
        commit=f"{commit['id']}{', with changes' if commit['dirty'] else ''}",
        machine=f"{machine['cpu']}, {machine['cores']} cores, {machine['kernel']}, "
        f"{machine['python']}, SQLite {machine['sqlite']}",
        load_average=machine["load_average"][0],
        settings=_settings(held),
        broken=held.get("broken"),
        warnings=held.get("warnings", []),
        lines=[(what, value) for what, value in held["lines"]],
        rounds=held["rounds"],
    )


def _settings(held: Mapping[str, Any]) -> dict[str, float]:
    """Return the options of a run; older files hold some of them by themselves."""
    given = {**held.get("settings", {}), **{name: held.get(name) for name in ("size", "stored")}}
    found = {"rounds": len(held["rounds"]), **given}
    return {name: value for name, value in found.items() if isinstance(value, int | float)}


def figures_of(row: Row, result: Result) -> list[Figure]:
    """Return what a file says of a row: its lines that have a goal, and that nothing broke."""
    found = []
    for name, value in result.lines:
        goal = goal_of(name, row)
        if goal is not None:
            what, way, limit = goal
            median, spread = _value(value)
            found.append(Figure(what=what, way=way, limit=limit, value=median, spread=spread))
    if result.broken is not None:
        broken = float(result.broken)
        found.append(
            Figure(what="promises broken", way=AT_MOST, limit=0.0, value=broken, spread=None)
        )
    return found


def goal_of(line: str, row: Row) -> tuple[str, str, float] | None:
    """Return what a line measures, and how far it has to reach; None when it is not told here."""
    if not line.startswith(row.only):
        return None
    if line in row.goals:
        return (line, *row.goals[line])
    if row.also and line.endswith(row.also):
        return line, "", 0.0
    found = _GOAL.match(line)
    if found is None:
        return None
    return found["what"], found["way"] or AT_LEAST, float(found["limit"])


def _value(value: Any) -> tuple[float, tuple[float, float] | None]:
    """Return median, and the least and most; older files hold them as text."""
    if isinstance(value, str):
        median, *ends = (float(one.replace(",", "")) for one in _NUMBER.findall(value)[:3])
        return median, (ends[0], ends[1]) if len(ends) > 1 else None
    one = value["rounds"] > 1
    return value["median"], (value["least"], value["most"]) if one else None


def shown(value: float) -> str:
    """Return a number as it is read."""
    if value == int(value) or abs(value) >= 100:  # noqa: PLR2004 - fractions say nothing there
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= LEAST_SHOWN else f"{value:.1g}"
