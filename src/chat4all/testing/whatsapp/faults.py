"""Misbehaviour on demand, and at random but repeatable from a seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random


class FaultKind(StrEnum):
    """What goes wrong with a call of the API, or with a callback."""

    REFUSED = "refused"
    """Answered with the error `code`, without effect."""
    SERVER_ERROR = "server_error"
    """Answered 500, without effect."""
    DELAY = "delay"
    """Done and answered, but `seconds` later."""
    LOST_REQUEST = "lost_request"
    """The connection is cut before any effect."""
    LOST_ANSWER = "lost_answer"
    """The connection is cut after the effect, so the business cannot know."""
    BROKEN_DOWNLOAD = "broken_download"
    """Half of a file comes, and then the connection is cut."""
    LOST_CALLBACK = "lost_callback"
    """A callback is never made."""
    DUPLICATE_CALLBACK = "duplicate_callback"
    """A callback that was accepted is made once more."""
    LATE_CALLBACK = "late_callback"
    """A callback is made after the one that follows it."""


CALLBACK_FAULTS = frozenset(
    {FaultKind.LOST_CALLBACK, FaultKind.DUPLICATE_CALLBACK, FaultKind.LATE_CALLBACK}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One rule: the next `times` calls or callbacks (None: all), each with `probability`.

    `code` is for `REFUSED`: 130429 is too many messages, 131056 too many to one person,
    131026 a message that cannot be delivered. With `retry_after` the answer says when to
    come again.
    """

    kind: FaultKind
    times: int | None = 1
    probability: float = 1.0
    code: int = 130429
    status: int = 400
    retry_after: int | None = None
    seconds: float = 1.0


class FaultPlan:
    """The rules in force, oldest first; the first that hits decides."""

    def __init__(self, random: Random) -> None:
        self.taken: Counter[FaultKind] = Counter()
        """How often each kind hit."""
        self._random = random
        self._rules: list[Fault] = []

    @property
    def rules(self) -> tuple[Fault, ...]:
        """What is still to come."""
        return tuple(self._rules)

    def add(self, fault: Fault) -> None:
        """Plan a fault."""
        self._rules.append(fault)

    def clear(self) -> None:
        """Behave again."""
        self._rules.clear()

    def take(self, *, callback: bool = False, download: bool = False) -> Fault | None:
        """Return what happens to this call, this callback or this download, and count it."""
        for place, rule in enumerate(self._rules):
            if (rule.kind in CALLBACK_FAULTS) is not callback:
                continue
            if rule.kind is FaultKind.BROKEN_DOWNLOAD and not download:
                continue
            if self._random.random() < rule.probability:
                self._count(place, rule)
                return rule
        return None

    def _count(self, place: int, rule: Fault) -> None:
        self.taken[rule.kind] += 1
        if rule.times is None:
            return
        if rule.times > 1:
            self._rules[place] = replace(rule, times=rule.times - 1)
        else:
            del self._rules[place]
