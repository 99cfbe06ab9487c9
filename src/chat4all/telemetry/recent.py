"""The last hour of what a process did, in memory: for pictures where no Prometheus is.

A ring of slots of 5 seconds. It is bounded, whatever happens: a slot has a few numbers, and
its labels are those of the metrics.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds; 0.2 is the limit that the p95 of the API must keep."""
SLOT_SECONDS, SLOTS = 5, 720
PATIENT = ("/v1/sync", "/v1/ws", "/v1/files/")
"""Routes that wait for news, or carry bytes as fast as the client takes them."""
SERVER_ERROR = 500


@dataclass(slots=True)
class Slot:
    """What happened in 5 seconds: `began` is when, in seconds since 1970.

    `answered` counts requests by how long they took, in the buckets that `BUCKETS` bound;
    `gauges` are as they were when the slot began.
    """

    began: int
    requests: int = 0
    errors: int = 0
    answered: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    messages: Counter[str] = field(default_factory=Counter)
    reports: Counter[tuple[str, str]] = field(default_factory=Counter)
    gauges: Mapping[str, float] = field(default_factory=dict)


class Recent:
    """Takes what is measured; times are of `clock`, in seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ring: list[Slot | None] = [None] * SLOTS
        self._gauges: dict[str, Callable[[], float]] = {}
        self.started = clock()

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request; how long a patient one took tells nothing."""
        slot = self._now()
        slot.requests += 1
        if status >= SERVER_ERROR:
            slot.errors += 1
        if not route.startswith(PATIENT):
            slot.answered[bisect_left(BUCKETS, seconds)] += 1

    def message(self, channel: str, count: int) -> None:
        """Count messages that got their place, by the channel they came in by."""
        self._now().messages[channel] += count

    def report(self, channel: str, status: str) -> None:
        """Count one report of a channel."""
        self._now().reports[channel, status] += 1

    def watch(self, name: str, read: Callable[[], float]) -> None:
        """Read a value once in each slot in which something happens or somebody looks."""
        self._gauges[name] = read

    def watches(self, name: str) -> bool:
        """Say whether this process knows the value of that name."""
        return name in self._gauges

    def slots(self, count: int) -> list[Slot]:
        """Return the last `count` slots, oldest first; the last one is still going on."""
        last = self._now().began
        return [
            self._known(began) or Slot(began)
            for began in range(last - (count - 1) * SLOT_SECONDS, last + 1, SLOT_SECONDS)
        ]

    def _now(self) -> Slot:
        began = int(self._clock()) // SLOT_SECONDS * SLOT_SECONDS
        known = self._known(began)
        if known is not None:
            return known
        slot = Slot(began)
        self._ring[began // SLOT_SECONDS % SLOTS] = slot
        slot.gauges = {name: read() for name, read in self._gauges.items()}
        return slot

    def _known(self, began: int) -> Slot | None:
        slot = self._ring[began // SLOT_SECONDS % SLOTS]
        return slot if slot is not None and slot.began == began else None


def quantile(part: float, answered: Sequence[int]) -> float | None:
    """Return the seconds within which `part` of the requests were answered, None without any.

    Within a bucket they are taken to be spread evenly, as Prometheus does; what took longer
    than the last bound counts as that.
    """
    total = sum(answered)
    if not total:
        return None
    wanted, below = part * total, 0
    for place, count in enumerate(answered[:-1]):
        if count and below + count >= wanted:
            low = BUCKETS[place - 1] if place else 0.0
            return low + (BUCKETS[place] - low) * (wanted - below) / count
        below += count
    return BUCKETS[-1]
