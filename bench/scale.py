"""Hot conversations, simulated: what waits in each partition, with and without a limit for each.

`python -m bench.scale` prints the table of docs/explanation/scale.md and draws its pictures.
Nothing is measured here: what a router takes in a second is given, and a uniform hash
(CRC-32) stands for Kafka's of a conversation's id.
"""

from __future__ import annotations

import argparse
import math
import random
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pygal
from pygal.style import CleanStyle

IMAGES = Path(__file__).parents[1] / "docs/images"
HOT = 2_000
"""Conversations that are drawn one by one; of the others each partition has a sum."""


@dataclass(frozen=True, slots=True)
class World:
    """What is simulated: rates are messages per second."""

    conversations: int = 1_000_000
    exponent: float = 1.0
    """Of Zipf's law: the k-th busiest conversation sends 1/k**exponent of the busiest."""
    partitions: int = 16
    offered: float = 24_000.0
    taken: float = 2_500.0
    """What the router of one partition stores."""
    seconds: int = 600
    seed: int = 1


@dataclass(slots=True)
class Course:
    """What came of it: messages that wait, per partition and second."""

    world: World
    waiting: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    offered: float = 0.0
    refused: float = 0.0

    @property
    def most(self) -> float:
        """Return the most that ever waited in one partition."""
        return max(max(one) for one in self.waiting.values())

    @property
    def held_up(self) -> int:
        """Return how many partitions are a second or more behind at the end."""
        return sum(one[-1] >= self.world.taken for one in self.waiting.values())


class Bucket:
    """A conversation's limit, as the gateway has it: `rate` per second, `burst` at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst, self._left = rate, burst, burst

    def take(self, wanted: float) -> float:
        """Return how many of a second's messages are let through; the rest gets 429."""
        self._left = min(self._burst, self._left + self._rate)
        taken = min(wanted, self._left)
        self._left -= taken
        return taken


def simulate(world: World, limit: float | None) -> Course:
    """Let traffic come for `seconds`; `limit` is what one conversation may send per second."""
    hot, rest = traffic(world)
    buckets = {name: Bucket(limit, 4 * limit) for name, _, _ in hot} if limit else {}
    chance, course = random.Random(world.seed), Course(world)
    waiting = [0.0] * world.partitions
    for _ in range(world.seconds):
        came = [poisson(chance, mean) for mean in rest]
        for name, partition, mean in hot:
            wanted = poisson(chance, mean)
            course.offered += wanted
            let = buckets[name].take(wanted) if limit else wanted
            course.refused += wanted - let
            came[partition] += let
        for partition, more in enumerate(came):
            waiting[partition] = max(0.0, waiting[partition] + more - world.taken)
            course.waiting[partition].append(waiting[partition])
    course.offered += sum(rest) * world.seconds
    return course


def traffic(world: World) -> tuple[list[tuple[int, int, float]], list[float]]:
    """Return the hot conversations (name, partition, mean), and the mean of the rest of each."""
    weights = [1 / rank**world.exponent for rank in range(1, world.conversations + 1)]
    share = world.offered / sum(weights)
    hot, rest = [], [0.0] * world.partitions
    for name, weight in enumerate(weights):
        partition = zlib.crc32(b"conversation %d of %d" % (name, world.seed)) % world.partitions
        if name < HOT:
            hot.append((name, partition, weight * share))
        else:
            rest[partition] += weight * share
    return hot, rest


def poisson(chance: random.Random, mean: float) -> float:
    """Draw a count; where it is large enough the normal distribution is as good."""
    if mean > 30:  # noqa: PLR2004 - a rule of thumb
        return max(0.0, round(chance.gauss(mean, mean**0.5)))
    left = chance.expovariate(1.0)
    for number in count():
        if left > mean:
            return float(number)
        left += chance.expovariate(1.0)
    raise AssertionError


def draw(name: str, title: str, courses: Sequence[tuple[str, Course]], folder: Path) -> None:
    """Draw what waits in each partition at the end."""
    chart = pygal.Bar(
        title=title,
        x_title="partition",
        y_title="messages that wait after 10 minutes",
        style=CleanStyle,
        width=800,
        height=360,
        legend_at_bottom=True,
        truncate_legend=-1,
        formatter=lambda value: f"{value:,.0f}",
        js=[],
    )
    chart.x_labels = [str(partition) for partition in courses[0][1].waiting]
    for label, course in courses:
        chart.add(label, [one[-1] for one in course.waiting.values()])
    text = chart.render(is_unicode=True).replace(chart.uuid, "plain")  # the same in each run
    (folder / f"{name}.svg").write_text(re.sub(r"<!--.*?-->", "", text))


def rows(world: World, limits: Sequence[float | None]) -> Iterator[tuple[str, Course]]:
    """Simulate each limit; yield what it is called, and its course."""
    for limit in limits:
        label = "no limit" if limit is None else f"{limit:,.0f} per second and conversation"
        yield label, simulate(world, limit)


@dataclass(frozen=True, slots=True)
class Prices:
    """What the capacity model assumes; docs/explanation/scale.md says why."""

    peak: float = 5.0
    """The busiest second against the mean one."""
    router: float = 2_500.0
    gateway: float = 3_000.0
    """Messages that one process takes in a second, on one core."""
    headroom: float = 0.5
    """Of what a process can, how much is asked of it."""
    stored_bytes: float = 1_200.0
    """Of a message in the store, with its statuses and indexes."""
    logged_bytes: float = 1_500.0
    """Of a message in the log: as command, event and task."""
    log_days: float = 7.0
    copies: int = 3
    core_month: float = 25.0
    gib_month: float = 0.10
    """Dollars."""


def capacity(a_day: float, prices: Prices = Prices()) -> dict[str, float]:
    """Return what `a_day` messages need."""
    peak = a_day / 86_400 * prices.peak
    routers = max(2, math.ceil(peak / (prices.router * prices.headroom)))
    gateways = max(2, math.ceil(peak / (prices.gateway * prices.headroom)))
    others = 2 * routers + 4  # notifiers and connectors; files and presence
    gib = prices.copies / 2**30
    log = a_day * prices.logged_bytes * prices.log_days * gib
    year = a_day * 365 * prices.stored_bytes * gib
    engines = 9 + 2 * routers  # cores of brokers, stores and databases
    cores = routers + gateways + others + engines
    return {
        "peak a second": peak,
        "partitions": max(16, 2 ** math.ceil(math.log2(2 * routers))),
        "routers": routers,
        "gateways": gateways,
        "cores in all": cores,
        "log, GiB": log,
        "store after a year, GiB": year,
        "dollars a month": cores * prices.core_month + (log + year) * prices.gib_month,
    }


def main() -> int:
    """Simulate, print the tables, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, default=IMAGES, help="where the pictures go")
    given = parser.parse_args()
    for exponent in (0.8, 1.0, 1.2):
        world = World(exponent=exponent)
        courses = list(rows(world, (None, 500.0)))
        print(f"Zipf exponent {exponent}")
        for label, one in courses:
            share = one.refused / one.offered
            behind = one.most / world.taken
            print(
                f"  {label:<34} most waiting {one.most:>10,.0f} ({behind:>5.0f} s behind)  "
                f"partitions behind {one.held_up:>2} of {world.partitions}  refused {share:6.1%}"
            )
        title = f"1,000,000 conversations, Zipf {exponent}, {world.offered:,.0f} messages a second"
        if any(one.held_up for _, one in courses):
            draw(f"scale-zipf-{exponent}", title, courses, given.images)
    for millions in (1, 10, 100, 1_000, 10_000):
        needed = capacity(millions * 1e6)
        told = "  ".join(f"{name} {value:,.0f}" for name, value in needed.items())
        print(f"{millions:>6,} million a day: {told}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
