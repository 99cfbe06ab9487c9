"""What a move of a cursor has covered, for one move and for many together."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from chat4all.domain.events import CursorMoved, Position
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import APP, Cursor, Message
from chat4all.ports.message_store import MessageHistory
from chat4all.services.covering import MOST_COVERED, Covering

ANA, BIA, TALK = UserId("ana"), UserId("bia"), ConversationId("talk")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LONG = 3 * MOST_COVERED


class History:
    """A conversation of `LONG` messages, where Ana and Bia take turns; counts its pages."""

    def __init__(self) -> None:
        self.pages = 0

    async def page(
        self, _: ConversationId, *, after_seq: int, before_seq: int, limit: int, **__: Any
    ) -> Sequence[Message]:
        self.pages += 1
        return [_message(seq) for seq in range(after_seq + 1, min(before_seq, LONG + 1))][:limit]


def _message(seq: int) -> Message:
    return Message(
        message_id=MessageId(f"{seq:05}"),
        conversation_id=TALK,
        sender=ANA if seq % 2 else BIA,
        channel=APP,
        payload=None,
        seq=seq,
        created_at=NOW,
        to=None if seq % 3 else (BIA,),
    )


def _covering() -> tuple[Covering, History]:
    history = History()
    return Covering(cast("MessageHistory", history)), history


@st.composite
def _moves(draw: st.DrawFn) -> list[CursorMoved]:
    """Bia's cursor, as it went forward."""
    cursor, moves = Cursor(conversation_id=TALK, user_id=BIA), []
    for offset in range(draw(st.integers(1, 12))):
        delivered = draw(st.integers(cursor.last_delivered_seq, LONG))
        read = draw(st.integers(cursor.last_read_seq, delivered))
        after = replace(cursor, last_delivered_seq=delivered, last_read_seq=read, updated_at=NOW)
        moves.append(CursorMoved(position=Position(0, offset), before=cursor, after=after))
        cursor = after
    return draw(st.permutations(moves))


@given(_moves())
def test_many_moves_together_cover_what_each_of_them_covers_alone(
    moves: list[CursorMoved],
) -> None:
    async def compare() -> None:
        covering, _ = _covering()
        together = await covering.of_sender(ANA, moves)
        assert together.keys() == {one.position for one in moves}
        for move in moves:
            alone = await covering.by(move.before, move.after)
            assert together[move.position] == [one for one in alone if one.sender == ANA]

    asyncio.run(compare())


async def test_the_history_is_read_once_for_moves_that_lie_side_by_side() -> None:
    covering, history = _covering()
    cursors = [
        Cursor(conversation_id=TALK, user_id=BIA, last_delivered_seq=seq) for seq in range(150)
    ]
    moves = [
        CursorMoved(position=Position(0, number), before=before, after=after)
        for number, (before, after) in enumerate(itertools.pairwise(cursors))
    ]
    covered = await covering.of_sender(ANA, moves)
    assert sum(map(len, covered.values())) == 75
    assert history.pages == 1
