"""The messages that a move of a member's cursor has covered."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from chat4all.domain.events import CursorMoved, Position
from chat4all.domain.ids import ConversationId, UserId
from chat4all.domain.messages import Cursor, Message
from chat4all.domain.status import Status
from chat4all.ports.message_store import MessageHistory
from chat4all.services.views import Covered

RECENT_PER_CONVERSATION = 256
RECENT_CONVERSATIONS = 2_000
MOST_COVERED = 200
"""Status frames for one move of a cursor; older messages show it when they are read again."""


class Covering:
    """Finds the messages that a move of a cursor has covered."""

    def __init__(self, history: MessageHistory) -> None:
        self._history = history
        self._recent: OrderedDict[ConversationId, deque[Covered]] = OrderedDict()

    def remember(self, message: Message) -> None:
        """Keep a new message at hand: its receipts will come soon."""
        name = message.conversation_id
        recent = self._recent.get(name)
        if recent is None:
            recent = self._recent[name] = deque(maxlen=RECENT_PER_CONVERSATION)
            if len(self._recent) > RECENT_CONVERSATIONS:
                self._recent.popitem(last=False)
        self._recent.move_to_end(name)
        recent.append(_seen(message))

    async def by(self, before: Cursor, after: Cursor) -> list[Covered]:
        """Return the messages whose status the move changed, oldest first.

        At most `MOST_COVERED`, the latest; never those that the member who moved wrote or
        may not read.
        """
        low, high = _span(before, after)
        recent = self._recent.get(after.conversation_id)
        if recent and recent[0].seq <= low + 1:
            return _covered(recent, before, after)
        found = await self._between(after.conversation_id, after.user_id, low, high)
        return _covered(found, before, after)

    async def of_sender(
        self, sender: UserId, moves: Sequence[CursorMoved]
    ) -> Mapping[Position, Sequence[Covered]]:
        """Return what each of many moves covered of what `sender` wrote.

        The history is read once for moves that lie side by side.
        """
        spans: dict[ConversationId, list[tuple[int, int]]] = {}
        for move in moves:
            spans.setdefault(move.conversation_id, []).append(_span(move.before, move.after))
        theirs: dict[ConversationId, list[Covered]] = {}
        for name, asked in spans.items():
            theirs[name] = [
                one
                for low, high in _joined(asked)
                for one in await self._between(name, sender, low, high)
                if one.sender == sender
            ]
        return {
            move.position: _covered(theirs[move.conversation_id], move.before, move.after)
            for move in moves
        }

    async def _between(
        self, conversation: ConversationId, viewer: UserId, low: int, high: int
    ) -> list[Covered]:
        """Return the messages later than `low`, up to `high`."""
        found: list[Covered] = []
        while low < high:
            page = await self._history.page(
                conversation,
                viewer=viewer,
                after_seq=low,
                before_seq=high + 1,
                limit=MOST_COVERED,
            )
            found += map(_seen, page)
            if len(page) < MOST_COVERED:
                break
            low = page[-1].seq
        return found


def _span(before: Cursor, after: Cursor) -> tuple[int, int]:
    """Return the last number that a move leaves alone, and the last one that it covers."""
    read_more = after.last_read_seq > before.last_read_seq
    low = before.last_read_seq if read_more else before.last_delivered_seq
    return max(low, after.last_delivered_seq - MOST_COVERED), after.last_delivered_seq


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the same numbers as `spans` in as few, ascending."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined


def _covered(messages: Iterable[Covered], before: Cursor, after: Cursor) -> list[Covered]:
    """Return those of `messages` whose status the move changed."""
    low, high = _span(before, after)
    found = []
    for message in messages:
        if not low < message.seq <= high:
            continue
        status = Status.READ if message.seq <= after.last_read_seq else Status.DELIVERED
        new = message.seq > (
            before.last_read_seq if status is Status.READ else before.last_delivered_seq
        )
        theirs = message.to is None or after.user_id in message.to
        if new and theirs and message.sender != after.user_id:
            found.append(replace(message, status=status))
    return found


def _seen(message: Message) -> Covered:
    return Covered(message.message_id, message.seq, message.sender, Status.SENT, message.to)
