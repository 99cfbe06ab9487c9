"""Decides what each command does: pure, so a replay of the log decides the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import structlog

from chat4all.domain.commands import (
    AdvanceCursor,
    AnnounceChange,
    Command,
    DeleteMessage,
    EditMessage,
    React,
    ReportStatus,
    SubmitMessage,
)
from chat4all.domain.errors import Chat4AllError, MessageIdConflict, MessageNotFound, NotPermitted
from chat4all.domain.events import (
    ConversationChanged,
    CursorMoved,
    Event,
    MessageAdded,
    MessageDeleted,
    MessageEdited,
    Position,
    ReactionChanged,
    StatusChanged,
)
from chat4all.domain.messages import Cursor, Message
from chat4all.domain.status import Status, StatusEntry, moves_forward
from chat4all.ports.message_store import Effects, Kept, NewMessage
from chat4all.router.state import Snapshot

log = structlog.get_logger(__name__)

_Decide = Callable[["Processor", Any, Position], Event | None]


@dataclass(frozen=True, slots=True)
class Placed:
    """A command and its place in the log."""

    position: Position
    command: Command


@dataclass(slots=True)
class Decision:
    """What a batch does: effects to store, events to tell, refusals to park.

    Each event stands beside the command it follows from.
    """

    effects: Effects = field(default_factory=Effects)
    events: list[tuple[Placed, Event]] = field(default_factory=list)
    refused: list[tuple[Placed, Exception]] = field(default_factory=list)


class Processor:
    """Decides one batch against a snapshot, moving the snapshot along."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._state = snapshot
        self._decision = Decision()
        self._changed: dict[str, Message] = {}
        self._cursors: dict[tuple[str, str], Cursor] = {}

    def decide(self, batch: list[Placed]) -> Decision:
        """Return what `batch` does. A command that cannot be done is refused, not raised."""
        decision = self._decision
        for placed in batch:
            try:
                decide = self._DECIDED_BY[type(placed.command)]
                event = decide(self, placed.command, placed.position)
            except Chat4AllError as error:
                decision.refused.append((placed, error))
                continue
            except Exception as error:  # the boundary between one command and the rest
                log.exception("command could not be decided", position=placed.position)
                decision.refused.append((placed, error))
                continue
            if event is None:
                continue
            decision.events.append((placed, event))
            if not isinstance(event, MessageAdded):
                decision.effects.journal.append(event)
        decision.effects.changed.extend(self._changed.values())
        decision.effects.cursors.extend(self._cursors.values())
        return decision

    def _submit(self, command: SubmitMessage, position: Position) -> Event | None:
        kept = self._state.kept.get(command.message_id)
        if kept is not None:
            if kept.digest != command.digest:
                raise MessageIdConflict(
                    f"message id {command.message_id} was used for another message"
                )
            # Stored by another router a moment ago; it may not have been published there.
            again = kept.position == position
            return MessageAdded(position=position, message=kept.message) if again else None
        seq = self._state.heads[command.conversation_id] + 1
        self._state.heads[command.conversation_id] = seq
        message = Message(
            message_id=command.message_id,
            conversation_id=command.conversation_id,
            seq=seq,
            sender=command.sender,
            channel=command.channel,
            payload=command.payload,
            created_at=command.accepted_at,
            to=command.to,
            reply_to=command.reply_to,
            metadata=command.metadata,
        )
        self._state.kept[command.message_id] = Kept(message, command.digest, position)
        effects = self._decision.effects
        effects.added.append(NewMessage(message, command.digest, position))
        if command.external_id is not None:
            effects.statuses.append(_authored(command))
        return MessageAdded(position=position, message=message)

    def _edit(self, command: EditMessage, position: Position) -> Event | None:
        message = self._message(command)
        if message.sender != command.actor:
            raise NotPermitted("only the sender edits a message")
        if message.deleted_at is not None or message.payload == command.payload:
            return None
        edited = replace(message, payload=command.payload, edited_at=command.at)
        self._keep(edited)
        return MessageEdited(position=position, message=edited)

    def _delete(self, command: DeleteMessage, position: Position) -> Event | None:
        message = self._message(command)
        if command.for_everyone:
            if message.deleted_at is not None:
                return None
            self._keep(replace(message, payload=None, reactions={}, deleted_at=command.at))
        else:
            self._decision.effects.hidden.append((message.message_id, command.actor))
        return MessageDeleted(
            position=position,
            conversation_id=message.conversation_id,
            message_id=message.message_id,
            seq=message.seq,
            actor=command.actor,
            at=command.at,
            only_for=None if command.for_everyone else command.actor,
            readers=message.readers,
        )

    def _react(self, command: React, position: Position) -> Event | None:
        message = self._message(command)
        users = message.reactions.get(command.emoji, ())
        if (command.actor in users) is not command.removed or message.deleted_at is not None:
            return None
        if command.removed:
            users = tuple(user for user in users if user != command.actor)
        else:
            users = (*users, command.actor)
        reactions = {**message.reactions, command.emoji: users}
        if not users:
            del reactions[command.emoji]
        self._keep(replace(message, reactions=reactions))
        return ReactionChanged(
            position=position,
            conversation_id=message.conversation_id,
            message_id=message.message_id,
            user_id=command.actor,
            emoji=command.emoji,
            removed=command.removed,
            at=command.at,
            readers=message.readers,
        )

    def _advance(self, command: AdvanceCursor, position: Position) -> Event | None:
        place = (command.conversation_id, command.user_id)
        before = self._state.cursors[place]
        after = before.moved(
            delivered=command.delivered_seq,
            read=command.read_seq,
            max_seq=self._state.heads[command.conversation_id],
            at=command.at,
        )
        if after is before:
            return None
        self._state.cursors[place] = self._cursors[place] = after
        return CursorMoved(position=position, before=before, after=after)

    def _report(self, command: ReportStatus, position: Position) -> Event | None:
        entry = command.entry
        kept = self._state.kept.get(entry.message_id)
        if kept is None:
            raise MessageNotFound(f"a status came for the unknown message {entry.message_id}")
        attempt = (entry.message_id, entry.user_id, entry.channel)
        if not moves_forward(self._state.attempts.get(attempt), entry.status):
            return None
        self._state.attempts[attempt] = entry.status
        self._decision.effects.statuses.append(entry)
        if entry.status >= Status.DELIVERED:
            self._carry_cursor(entry, kept.message.seq)
        return StatusChanged(position=position, entry=entry, sender=kept.message.sender)

    def _carry_cursor(self, entry: StatusEntry, seq: int) -> None:
        """Move the member's cursor along with what the channel says about a message."""
        place = (entry.conversation_id, entry.user_id)
        before = self._state.cursors[place]
        after = before.moved(
            delivered=seq,
            read=seq if entry.status is Status.READ else 0,
            max_seq=self._state.heads[entry.conversation_id],
            at=entry.at,
        )
        if after is not before:
            self._state.cursors[place] = self._cursors[place] = after

    def _announce(self, command: AnnounceChange, position: Position) -> Event:
        return ConversationChanged(
            position=position,
            conversation_id=command.conversation_id,
            change=command.change,
            actor=command.actor,
            at=command.at,
            user_id=command.user_id,
            audience=command.audience,
        )

    def _message(self, command: EditMessage | DeleteMessage | React) -> Message:
        kept = self._state.kept.get(command.message_id)
        if kept is None or kept.message.conversation_id != command.conversation_id:
            raise MessageNotFound(f"there is no message {command.message_id} here")
        return kept.message

    def _keep(self, message: Message) -> None:
        kept = self._state.kept[message.message_id]
        self._state.kept[message.message_id] = replace(kept, message=message)
        self._changed[message.message_id] = message

    # Of the class: an object that held methods of its own would keep its batch, as a cycle,
    # until the garbage collector finds it.
    _DECIDED_BY: ClassVar[Mapping[type[Any], _Decide]] = {
        SubmitMessage: _submit,
        EditMessage: _edit,
        DeleteMessage: _delete,
        React: _react,
        AdvanceCursor: _advance,
        ReportStatus: _report,
        AnnounceChange: _announce,
    }


def _authored(command: SubmitMessage) -> StatusEntry:
    """Return the entry by which the platform's id of an inbound message is found again."""
    return StatusEntry(
        message_id=command.message_id,
        conversation_id=command.conversation_id,
        user_id=command.sender,
        channel=command.channel,
        status=Status.READ,
        at=command.accepted_at,
        account_id=command.account_id,
        address=command.address,
        external_id=command.external_id,
    )
