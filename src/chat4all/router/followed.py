"""What a trace tells of a command and of a delivery."""

from __future__ import annotations

from functools import partial

from chat4all.domain.commands import Command
from chat4all.domain.delivery import DeliveryTask
from chat4all.ports.tracing import (
    ACCOUNT_ID,
    CONVERSATION_ID,
    MESSAGE_ID,
    PLATFORM,
    Attributes,
)
from chat4all.router.processor import Placed
from chat4all.router.state import messages_of
from chat4all.services.followed import Followed


def followed(placed: Placed, trace: str) -> Followed:
    """Return a command as what is followed in a batch."""
    name = f"process {type(placed.command).__name__}"
    return Followed(placed.position, trace, name, partial(_told, placed.command))


def _told(command: Command) -> Attributes:
    attributes = {
        "chat4all.command": type(command).__name__,
        CONVERSATION_ID: command.conversation_id,
    }
    for message in messages_of(command):
        attributes[MESSAGE_ID] = message
    return attributes


def delivery(task: DeliveryTask) -> Attributes:
    """Return what is told of a delivery: everything but to whom, and what."""
    return {
        "messaging.system": task.channel,
        PLATFORM: task.channel,
        ACCOUNT_ID: task.account_id,
        MESSAGE_ID: task.message_id,
        CONVERSATION_ID: task.conversation_id,
        "chat4all.delivery": task.kind.value,
    }
