"""How fast a bot may send.

https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from chat4all.testing.telegram.errors import too_many_requests

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from chat4all.testing.telegram.model import Chat


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimits:
    """Messages a bot may send; None switches a limit off. The defaults are Telegram's."""

    overall_per_second: int | None = 30
    per_chat_per_second: int | None = 1
    per_group_per_minute: int | None = 20


NO_LIMITS = RateLimits(overall_per_second=None, per_chat_per_second=None, per_group_per_minute=None)


class _Window(NamedTuple):
    key: Hashable
    most: int
    seconds: float


class RateLimiter:
    """Counts what each bot sent in sliding windows; `clock` gives seconds.

    A refused message does not count. Telegram does not publish its algorithm; a sliding
    window is the strictest reading of its numbers.
    """

    def __init__(self, limits: RateLimits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self._clock = clock
        self._sent: defaultdict[Hashable, deque[float]] = defaultdict(deque)

    def spend(self, bot_id: int, chat: Chat) -> None:
        """Count one message of the bot to the chat, or raise 429 with the wait."""
        now = self._clock()
        windows = list(self._windows(bot_id, chat))
        wait = max((self._wait(window, now) for window in windows), default=0.0)
        if wait > 0:
            raise too_many_requests(max(1, math.ceil(wait)))
        for window in windows:
            self._sent[window.key].append(now)

    def _windows(self, bot_id: int, chat: Chat) -> Iterator[_Window]:
        limits = self.limits
        if limits.overall_per_second is not None:
            yield _Window((bot_id,), limits.overall_per_second, 1.0)
        if limits.per_chat_per_second is not None:
            yield _Window((bot_id, chat.id), limits.per_chat_per_second, 1.0)
        if limits.per_group_per_minute is not None and chat.is_group:
            yield _Window((bot_id, chat.id, "minute"), limits.per_group_per_minute, 60.0)

    def _wait(self, window: _Window, now: float) -> float:
        sent = self._sent[window.key]
        while sent and sent[0] <= now - window.seconds:
            sent.popleft()
        if len(sent) < window.most:
            return 0.0
        return sent[len(sent) - window.most] + window.seconds - now
