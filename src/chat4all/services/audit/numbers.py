"""The numbers of a conversation are 1, 2, 3 ..., and no message is there twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chat4all.domain.ids import ConversationId
from chat4all.ports.integrity import (
    DUPLICATE_MESSAGE_ID,
    SEQUENCE_GAP,
    Finding,
    Integrity,
    Numbered,
)
from chat4all.services.audit.course import Place, Step

_FEWEST = 3
"""Messages of a step: with fewer it would not get past a place that is taken twice."""


class NumbersCourse:
    """Reads messages in the order of their places; each page begins with the last place again.

    The messages of a conversation are stored in the order of their numbers, so what is on
    its way is never before something that is there.
    """

    name = ledger = "numbers"

    def __init__(self, store: Integrity) -> None:
        self._store = store

    async def step(self, place: Place, limit: int) -> Step:
        """Look at the next messages; see the protocol."""
        limit = max(limit, _FEWEST)
        start = None if place is None else (ConversationId(place[0]), int(place[1]))
        page = await self._store.numbered(start=start, limit=limit)
        doubts = list(_jumps(page, start))
        if doubts:  # once more, for a store that does not read at one moment
            page = await self._store.numbered(start=start, limit=limit)
            doubts = [one for one in _jumps(page, start) if one in doubts]
        repeats = await self._store.repeated(page)
        twice = [
            Finding(
                check=DUPLICATE_MESSAGE_ID,
                conversation_id=one.conversation_id,
                detail=f"message {one.message_id} is stored {repeats[one.message_id]} times",
            )
            for one in {one.message_id: one for one in page if one.message_id in repeats}.values()
        ]
        if len(page) < limit:
            return Step(looked=len(page), place=None, findings=[*doubts, *twice], over=True)
        last = page[-1]
        stays = (last.conversation_id, last.seq) == start
        following = [last.conversation_id, last.seq + 1 if stays else last.seq]
        return Step(looked=len(page), place=following, findings=[*doubts, *twice])


def _jumps(page: Sequence[Numbered], start: tuple[ConversationId, int] | None) -> Iterator[Finding]:
    """Yield where the numbers leave off counting; `start` was there when it was last looked at."""
    here, last = (None, 0) if start is None else (start[0], start[1] - 1)
    for one in page:
        if one.conversation_id != here:
            here, last = one.conversation_id, 0
        if one.seq > last + 1:
            yield _gap(one, f"seq {last + 1} is missing: the next message has seq {one.seq}")
        elif one.seq <= last:
            what = "is given twice" if one.seq > 0 else "is below 1"
            yield _gap(one, f"seq {one.seq} {what}: message {one.message_id}")
        last = one.seq


def _gap(one: Numbered, detail: str) -> Finding:
    return Finding(check=SEQUENCE_GAP, conversation_id=one.conversation_id, detail=detail)
