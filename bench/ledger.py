"""Who was promised what: every message acknowledged, and every frame that came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from bench.job import Findings
from bench.socket_client import Arrived


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A message the server has answered 202 for."""

    lane: int
    due: float
    answered: float


@dataclass(frozen=True, slots=True)
class Frame:
    """A message that came to a recipient's socket."""

    message_id: str
    seq: int
    at: float


@dataclass(slots=True)
class Ledger:
    """What happened since the server was started, to be compared with its history."""

    acknowledged: dict[str, Acknowledged] = field(default_factory=dict)
    frames: dict[str, list[Frame]] = field(default_factory=dict)
    frame_count: int = 0
    unanswered: int = 0

    def receiver(self, user: str) -> Arrived:
        """Return what a recipient's socket calls for each message."""
        return partial(self._arrived, self.frames.setdefault(user, []))

    def _arrived(self, into: list[Frame], message_id: str, seq: int, at: float) -> None:
        into.append(Frame(message_id, seq, at))
        self.frame_count += 1

    def first_frames(self) -> dict[str, float]:
        """Return when each message first came to its recipient."""
        first: dict[str, float] = {}
        for frames in self.frames.values():
            for frame in frames:
                first.setdefault(frame.message_id, frame.at)
        return first


Stored = Sequence[tuple[int, str]]
"""The history of one lane after the load began: (seq, message id), as the server pages it."""


def judge(
    ledger: Ledger,
    histories: Mapping[int, Stored],
    before: Mapping[int, int],
    recipients: Mapping[int, str],
    *,
    reconnects: int = 0,
) -> Findings:
    """Compare what was promised with what is there.

    `before` is the last seq of each lane before the load. A message without an answer may
    be there or not, but if it is, it counts in all the other checks.
    """
    found_in = {name: lane for lane, rows in histories.items() for _, name in rows}
    sent_in = {name: one.lane for name, one in ledger.acknowledged.items()}
    lane_of = {**sent_in, **found_in}
    stored = Counter(name for rows in histories.values() for _, name in rows)
    pushed = _pushed(ledger, lane_of, recipients)
    return Findings(
        acknowledged=len(ledger.acknowledged),
        stored=sum(stored.values()),
        reconnects=reconnects,
        unanswered=ledger.unanswered,
        lost=sum(found_in.get(name) != lane for name, lane in sent_in.items()),
        stored_twice=sum(count - 1 for count in stored.values()),
        gaps=sum(
            seq != expected
            for lane, rows in histories.items()
            for expected, (seq, _) in enumerate(rows, before.get(lane, 0) + 1)
        ),
        not_pushed=sum(name not in pushed for name in ledger.acknowledged),
        pushed_twice=sum(count - 1 for count in pushed.values()),
        pushed_out_of_order=_out_of_order(ledger, lane_of),
    )


def _pushed(
    ledger: Ledger, lane_of: Mapping[str, int], recipients: Mapping[int, str]
) -> Counter[str]:
    """Count the frames of each message at the socket it was meant for."""
    pushed: Counter[str] = Counter()
    for user, frames in ledger.frames.items():
        for frame in frames:
            lane = lane_of.get(frame.message_id)
            if lane is not None and recipients[lane] == user:
                pushed[frame.message_id] += 1
    return pushed


def _out_of_order(ledger: Ledger, lane_of: Mapping[str, int]) -> int:
    """Count frames whose seq is not later than that of the frame before, lane by lane."""
    wrong = 0
    for frames in ledger.frames.values():
        last: dict[int | None, int] = {}
        for frame in frames:
            lane = lane_of.get(frame.message_id)
            wrong += frame.seq <= last.get(lane, 0)
            last[lane] = frame.seq
    return wrong
