"""The number that a message had which is not stored any more."""

from __future__ import annotations

from dataclasses import dataclass

from chat4all.domain.commands import SubmitMessage
from chat4all.domain.errors import UnreadableRecord
from chat4all.domain.events import MessageAdded, Position
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.ports.event_log import COMMANDS, LogRecord
from chat4all.ports.message_store import MessageData
from chat4all.services.audit.refusals import ReadableLog, Refusals
from chat4all.services.records import decode_command

_BLOCK = 500
_NOBODY = UserId("")
"""From whom nothing is hidden."""


@dataclass(frozen=True, slots=True)
class _Gap:
    """The place in the log and the number of the messages around one that is gone.

    `below` is 0 where there is none; `above` is None at the end of a conversation.
    """

    after: int
    below: int
    before: int | None = None
    above: int | None = None


class LostNumbers:
    """Tells numbers from what is stored around them, for they follow the log.

    Between two neighbours that are stored, as many have to be free as messages were accepted
    there and are gone; else no number can be told.
    """

    def __init__(self, log: ReadableLog, store: MessageData, refusals: Refusals) -> None:
        self._log = log
        self._store = store
        self._refusals = refusals
        self._known: dict[MessageId, int | None] = {}

    async def of(self, command: SubmitMessage, at: Position, *, done: int) -> int | None:
        """Return the number of the message that was accepted at a place of the log.

        `done` is the offset up to which the routers have stored everything. What was told
        of neighbours is remembered, so they may be stored meanwhile.
        """
        talk, name = command.conversation_id, command.message_id
        if name not in self._known:
            gap = await self._gap(talk, at)
            until = done if gap.before is None else gap.before - 1
            gone = await self._gone(talk, Position(at.partition, gap.after), until)
            if gap.above is None:
                is_told = await self._is_kept(Position(at.partition, max(gap.after, 0)))
            else:
                is_told = len(gone) == gap.above - gap.below - 1
            for number, one in enumerate(gone, gap.below + 1):
                self._known[one] = number if is_told else None
        return self._known.get(name)

    async def _gap(self, talk: ConversationId, at: Position) -> _Gap:
        upper = await self._following(talk, at)
        above = None if upper is None else upper.message.seq
        before = None if upper is None else upper.position.offset
        found = await self._store.page(talk, viewer=_NOBODY, before_seq=above, limit=1)
        if not found:
            return _Gap(-1, 0, before, above)
        [lower] = found
        place = (await self._store.find([lower.message_id]))[lower.message_id].position
        after = place.offset if place.partition == at.partition else -1
        return _Gap(after, lower.seq, before, above)

    async def _is_kept(self, at: Position) -> bool:
        """Say whether the log still has a record, and so all that came after it."""
        before = Position(at.partition, at.offset - 1)
        found = await self._log.read(COMMANDS, after=before, limit=1)
        return bool(found) and found[0].position == at

    async def _following(self, talk: ConversationId, here: Position) -> MessageAdded | None:
        """Return the first stored message of a conversation later than a place of the log."""
        after = here
        while True:
            events = await self._store.changes(
                [talk], after={after.partition: after.offset}, limit=_BLOCK
            )
            same = [one for one in events if one.position.partition == here.partition]
            for event in same:
                if isinstance(event, MessageAdded):
                    return event
            if len(events) < _BLOCK or not same:
                return None
            after = same[-1].position

    async def _gone(self, talk: ConversationId, after: Position, until: int) -> list[MessageId]:
        """Return the messages accepted after a place, up to another, that are not stored."""
        gone: dict[MessageId, None] = {}
        while after.offset < until:
            records = await self._log.read(COMMANDS, after=after, limit=_BLOCK)
            if not records:
                break
            after = records[-1].position
            for record in records:
                if record.key == talk and record.position.offset <= until:
                    gone.update(dict.fromkeys(await self._not_stored(record)))
        return list(gone)

    async def _not_stored(self, record: LogRecord) -> list[MessageId]:
        try:
            command = decode_command(record.value)
        except UnreadableRecord:
            return []
        if not isinstance(command, SubmitMessage):
            return []
        if await self._store.find([command.message_id]) or await self._refusals.has(record.value):
            return []
        return [command.message_id]
