"""How far a message has come with each recipient: by the channels' reports and by cursors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from chat4all.domain.directory import Conversation, User, UserKind
from chat4all.domain.ids import MessageId, UserId
from chat4all.domain.messages import APP, IMPORTED, Cursor, Message
from chat4all.domain.status import Status, StatusEntry, best, overall


class Progress:
    """How far each member of one conversation is known to have come."""

    def __init__(
        self,
        conversation: Conversation,
        users: Mapping[UserId, User],
        cursors: Iterable[Cursor],
        entries: Iterable[StatusEntry],
    ) -> None:
        self._members = [member.user_id for member in conversation.members]
        self._contacts = {name for name, user in users.items() if user.kind is UserKind.CONTACT}
        self._cursors = {cursor.user_id: cursor for cursor in cursors}
        self._latest: dict[tuple[MessageId, UserId], dict[str, StatusEntry]] = {}
        for entry in entries:
            key = (entry.message_id, entry.user_id)
            self._latest.setdefault(key, {})[entry.channel] = entry

    def recipients(self, message: Message) -> list[UserId]:
        """Return whom the message is for: the other members, or those that it names."""
        return [
            user
            for user in self._members
            if user != message.sender and (message.to is None or user in message.to)
        ]

    def overall(self, message: Message) -> Status:
        """Return the status of the message as a whole: see `domain.status.overall`."""
        return overall(self._status(message, user) for user in self.recipients(message))

    def recipient(self, message: Message, user: UserId) -> StatusEntry:
        """Return one line for `user`: the channel that got furthest, else in-app."""
        attempts = self._latest.get((message.message_id, user), {})
        in_app = self._in_app(message, user)
        furthest = max(attempts.values(), key=lambda entry: entry.status, default=None)
        if furthest is not None and (in_app is None or furthest.status >= in_app):
            return furthest
        cursor = self._cursors.get(user)
        status = Status.ACCEPTED if in_app is None else in_app
        seen = cursor is not None and status >= Status.DELIVERED
        return StatusEntry(
            message_id=message.message_id,
            conversation_id=message.conversation_id,
            user_id=user,
            channel=APP,
            status=status,
            at=(cursor and seen and cursor.updated_at) or message.created_at,
        )

    def _status(self, message: Message, user: UserId) -> Status:
        attempts = self._latest.get((message.message_id, user), {})
        known = [entry.status for entry in attempts.values()]
        in_app = self._in_app(message, user)
        return best([*known, in_app] if in_app is not None else known)

    def _in_app(self, message: Message, user: UserId) -> Status | None:
        """Return how far the member came in our own clients; None for one who has none."""
        if message.channel == IMPORTED:
            return Status.READ  # it was read where it was written
        cursor = self._cursors.get(user)
        contact = user in self._contacts
        if cursor is None or contact:
            return None if contact else Status.SENT
        if cursor.last_read_seq >= message.seq:
            return Status.READ
        return Status.DELIVERED if cursor.last_delivered_seq >= message.seq else Status.SENT


def recipients_of(message: Message, conversation: Conversation) -> list[UserId]:
    """Return whom a message is for: the other members, or those that it names."""
    return [
        one.user_id
        for one in conversation.members
        if one.user_id != message.sender and (message.to is None or one.user_id in message.to)
    ]


def status_at_first(
    message: Message, recipients: Collection[UserId], users: Mapping[UserId, User]
) -> Status:
    """Return what `Progress.overall` says of a message of which nothing was reported yet.

    It is asked for every message that comes, so it makes nothing to find that out.
    """
    if message.channel == IMPORTED and recipients:
        return Status.READ
    if any(user.kind is UserKind.CONTACT for user in users.values()):
        return Status.ACCEPTED
    return Status.SENT


def in_app_history(
    message: Message, moments: Iterable[Cursor], recipients: Collection[UserId]
) -> list[StatusEntry]:
    """Return the history that the cursors of in-app members tell."""
    return [
        StatusEntry(
            message_id=message.message_id,
            conversation_id=message.conversation_id,
            user_id=cursor.user_id,
            channel=APP,
            status=Status.READ if cursor.last_read_seq >= message.seq else Status.DELIVERED,
            at=cursor.updated_at or message.created_at,
        )
        for cursor in moments
        if cursor.user_id in recipients
    ]
