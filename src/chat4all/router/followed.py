"""What a trace tells of a command and of a delivery."""

from __future__ import annotations

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
    command = placed.command
    kind = type(command).__name__
    attributes = {"chat4all.command": kind, CONVERSATION_ID: command.conversation_id}
    for message in messages_of(command):
        attributes[MESSAGE_ID] = message
    return Followed(placed.position, trace, f"process {kind}", attributes)


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
