"""What a sender is told when a recipient cannot be reached at all."""

from __future__ import annotations

from datetime import datetime

from chat4all.domain.commands import ReportStatus
from chat4all.domain.group_chats import NOT_IN_GROUP
from chat4all.domain.ids import UserId
from chat4all.domain.messages import Message
from chat4all.domain.status import Failure, Status, StatusEntry

NO_CHANNEL = "no_channel"
NO_ACCOUNT = "no_account"
NEVER_WROTE = "never_wrote"
"""For somebody known from a group who has to write to the account first."""

_TEXTS = {
    NO_CHANNEL: "no {} channel is known",
    NO_ACCOUNT: "no {} account is connected; add one to reach this contact",
    NEVER_WROTE: (
        "they are known from a group only, and on {} they have to write first: "
        "ask them there to write to the account"
    ),
    NOT_IN_GROUP: "our {} account is not in this group any more; add it there again",
}


def unreachable(
    message: Message, user: UserId, channel: str, code: str, *, at: datetime | None = None
) -> ReportStatus:
    """Return the report that `message` does not reach `user`, because of `code`."""
    entry = StatusEntry(
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        user_id=user,
        channel=channel,
        status=Status.FAILED,
        at=at or message.created_at,
        error=Failure(code=code, text=_TEXTS[code].format(channel)),
    )
    return ReportStatus(conversation_id=message.conversation_id, entry=entry)
