"""How fast a number may send.

https://developers.facebook.com/docs/whatsapp/cloud-api/overview#throughput
https://developers.facebook.com/docs/whatsapp/cloud-api/overview#pair-rate-limits
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from chat4all.testing.whatsapp.errors import GraphError

THROUGHPUT, PAIR = 130429, 131056


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimits:
    """What a number may send; None switches a limit off. The defaults are WhatsApp's.

    To one person: `pair_burst` messages at once, and one more for each `pair_seconds`.
    """

    per_second: int | None = 80
    pair_seconds: float | None = 6.0
    pair_burst: int = 45


NO_LIMITS = RateLimits(per_second=None, pair_seconds=None)


class RateLimiter:
    """Counts what each number sent; `clock` gives seconds. A refused message does not count."""

    def __init__(self, limits: RateLimits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self.refused: Counter[int] = Counter()
        """How many messages were refused, by the code of the error."""
        self._clock = clock
        self._sent: defaultdict[str, deque[float]] = defaultdict(deque)
        self._pairs: dict[tuple[str, str], tuple[float, float]] = {}

    def spend(self, number: str, person: str) -> None:
        """Count one message of the number to the person, or raise what WhatsApp answers."""
        now = self._clock()
        sent = self._sent[number]
        while sent and sent[0] <= now - 1.0:
            sent.popleft()
        if self.limits.per_second is not None and len(sent) >= self.limits.per_second:
            raise self._refusal(THROUGHPUT)
        left = self._left((number, person), now)
        if left is not None and left < 1.0:
            raise self._refusal(PAIR)
        sent.append(now)
        if left is not None:
            self._pairs[number, person] = (left - 1.0, now)

    def _left(self, pair: tuple[str, str], now: float) -> float | None:
        if self.limits.pair_seconds is None:
            return None
        most = float(self.limits.pair_burst)
        left, since = self._pairs.get(pair, (most, now))
        return min(most, left + (now - since) / self.limits.pair_seconds)

    def _refusal(self, code: int) -> GraphError:
        self.refused[code] += 1
        return GraphError(code)
