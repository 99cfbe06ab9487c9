"""A receiver of webhooks on paper: it answers as a test says, and keeps what came."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chat4all.domain.public_addresses import target_of
from chat4all.ports.webhooks import Answer

OK = Answer(status=204)


@dataclass(frozen=True, slots=True)
class Posted:
    """One call that came."""

    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def event_id(self) -> str:
        """Return the event's id."""
        return self.headers["webhook-id"]


class PaperReceiver:
    """A `Post` that goes nowhere. `answers` is asked for each call."""

    def __init__(self, answers: Callable[[Posted], Answer] = lambda _: OK) -> None:
        self.answers = answers
        self.calls: list[Posted] = []
        self.taken: list[Posted] = []
        """The calls that were answered with success, in their order."""

    async def check(self, url: str) -> None:
        """See `Post.check`; every host may be called."""
        target_of(url)

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """See `Post.__call__`."""
        posted = Posted(url, dict(headers), body)
        self.calls.append(posted)
        answer = self.answers(posted)
        if answer.status is not None and answer.status < 300:
            self.taken.append(posted)
        return answer
