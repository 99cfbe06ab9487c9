"""How commands, events, delivery tasks and early receipts are written in the log: tagged JSON.

A record is the JSON object of the dataclass with `type` and `v` in front. Readers ignore
fields they do not know; an unknown type or version is `UnreadableRecord`, to be parked.
"""

from __future__ import annotations

from typing import Any

import msgspec

from chat4all.domain import commands, events
from chat4all.domain.commands import Command
from chat4all.domain.delivery import DeliveryTask
from chat4all.domain.errors import UnreadableRecord
from chat4all.domain.events import Event
from chat4all.domain.inbound import EarlyReceipt

VERSION = 1

COMMANDS: dict[str, type[Any]] = {
    "submit": commands.SubmitMessage,
    "edit": commands.EditMessage,
    "delete": commands.DeleteMessage,
    "react": commands.React,
    "cursor": commands.AdvanceCursor,
    "status": commands.ReportStatus,
    "announce": commands.AnnounceChange,
    "plan_again": commands.PlanAgain,
}
EVENTS: dict[str, type[Any]] = {
    "message_added": events.MessageAdded,
    "message_edited": events.MessageEdited,
    "message_deleted": events.MessageDeleted,
    "reaction_changed": events.ReactionChanged,
    "cursor_moved": events.CursorMoved,
    "status_changed": events.StatusChanged,
    "conversation_changed": events.ConversationChanged,
}
TASKS: dict[str, type[Any]] = {"delivery": DeliveryTask}
RECEIPTS: dict[str, type[Any]] = {"receipt": EarlyReceipt}


class _Head(msgspec.Struct):
    type: str
    v: int


class _Codec:
    """Writes and reads one family of records."""

    def __init__(self, kinds: dict[str, type[Any]]) -> None:
        self._prefix = {
            kind: f'{{"type":"{tag}","v":{VERSION},'.encode() for tag, kind in kinds.items()
        }
        self._decoders = {
            tag: msgspec.json.Decoder(kind, strict=True) for tag, kind in kinds.items()
        }
        self._encode = msgspec.json.Encoder().encode
        self._head = msgspec.json.Decoder(_Head)

    def encode(self, value: object) -> bytes:
        return self._prefix[type(value)] + self._encode(value)[1:]

    def decode(self, raw: bytes) -> Any:
        try:
            head = self._head.decode(raw)
            if head.v != VERSION or head.type not in self._decoders:
                raise UnreadableRecord(f"record of type {head.type!r}, version {head.v}")
            return self._decoders[head.type].decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnreadableRecord(f"record cannot be read: {error}") from error


_commands = _Codec(COMMANDS)
_events = _Codec(EVENTS)
_tasks = _Codec(TASKS)
_receipts = _Codec(RECEIPTS)


def encode_command(command: Command) -> bytes:
    """Return the record value of a command."""
    return _commands.encode(command)


def decode_command(raw: bytes) -> Command:
    """Return the command in a record value. Raises `UnreadableRecord`."""
    command: Command = _commands.decode(raw)
    return command


def encode_event(event: Event) -> bytes:
    """Return the record value of an event."""
    return _events.encode(event)


def decode_event(raw: bytes) -> Event:
    """Return the event in a record value. Raises `UnreadableRecord`."""
    event: Event = _events.decode(raw)
    return event


def encode_task(task: DeliveryTask) -> bytes:
    """Return the record value of a delivery task."""
    return _tasks.encode(task)


def decode_task(raw: bytes) -> DeliveryTask:
    """Return the delivery task in a record value. Raises `UnreadableRecord`."""
    task: DeliveryTask = _tasks.decode(raw)
    return task


def encode_receipt(receipt: EarlyReceipt) -> bytes:
    """Return the record value of an early receipt."""
    return _receipts.encode(receipt)


def decode_receipt(raw: bytes) -> EarlyReceipt:
    """Return the early receipt in a record value. Raises `UnreadableRecord`."""
    receipt: EarlyReceipt = _receipts.decode(raw)
    return receipt
