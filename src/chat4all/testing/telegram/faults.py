"""Misbehaviour on demand, and at random but repeatable from a seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

ANY_METHOD = "*"
DOWNLOAD = "file"
"""The `method` of a fault in downloading a file, which is no method of the Bot API."""


class FaultKind(StrEnum):
    """What goes wrong with a call."""

    TOO_MANY_REQUESTS = "too_many_requests"
    """Answered 429 with `retry_after`, without effect."""
    SERVER_ERROR = "server_error"
    """Answered 500, without effect."""
    DELAY = "delay"
    """Done and answered, but `seconds` later."""
    LOST_REQUEST = "lost_request"
    """The connection is cut before any effect."""
    BROKEN_DOWNLOAD = "broken_download"
    """Half of a file comes, and then the connection is cut."""
    LOST_ANSWER = "lost_answer"
    """The connection is cut after the effect, so the bot cannot know."""
    DUPLICATE_WEBHOOK = "duplicate_webhook"
    """An update that the webhook accepted is delivered once more; `method` does not matter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One rule: the next `times` calls of `method` (None: all) fail, each with `probability`."""

    kind: FaultKind
    method: str = ANY_METHOD
    times: int | None = 1
    probability: float = 1.0
    retry_after: int = 1
    seconds: float = 1.0

    def concerns(self, method: str) -> bool:
        """Tell whether a call of `method` (any case) may be hit."""
        if self.kind is FaultKind.DUPLICATE_WEBHOOK:
            return False
        if self.kind is FaultKind.BROKEN_DOWNLOAD:
            return method == DOWNLOAD
        return self.method == ANY_METHOD or self.method.lower() == method.lower()


class FaultPlan:
    """The rules in force, oldest first; the first that hits a call decides it."""

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

    def take(self, method: str) -> Fault | None:
        """Return what happens to this call of `method`, and count it."""
        return self._first(lambda rule: rule.concerns(method))

    def take_duplicate(self) -> bool:
        """Return whether this webhook delivery is repeated, and count it."""
        return self._first(lambda rule: rule.kind is FaultKind.DUPLICATE_WEBHOOK) is not None

    def _first(self, wanted: Callable[[Fault], bool]) -> Fault | None:
        for place, rule in enumerate(self._rules):
            if not wanted(rule) or self._random.random() >= rule.probability:
                continue
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
