"""How far a message has come at first: found without making a board of progress."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from chat4all.domain.directory import Conversation, ConversationType, Member, Role, User, UserKind
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import APP, IMPORTED, Message
from chat4all.domain.payload import text
from chat4all.services.progress import Progress, recipients_of, status_at_first

AT = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = [UserId(name) for name in "abcde"]


@given(
    members=st.lists(st.sampled_from(NAMES), unique=True),
    contacts=st.sets(st.sampled_from(NAMES)),
    gone=st.sets(st.sampled_from(NAMES)),
    to=st.none() | st.lists(st.sampled_from(NAMES), unique=True, max_size=3).map(tuple),
    channel=st.sampled_from([APP, IMPORTED, "telegram"]),
)
def test_a_message_at_first_is_as_far_as_a_board_without_reports_says(
    members: list[UserId],
    contacts: set[UserId],
    gone: set[UserId],
    to: tuple[UserId, ...] | None,
    channel: str,
) -> None:
    message = Message(
        message_id=MessageId("m"),
        conversation_id=ConversationId("c"),
        seq=1,
        sender=NAMES[0],
        channel=channel,
        payload=text("hello"),
        created_at=AT,
        to=to,
    )
    conversation = Conversation(
        id=message.conversation_id,
        type=ConversationType.GROUP,
        created_by=NAMES[0],
        members=tuple(Member(user_id=one, role=Role.MEMBER, joined_at=AT) for one in members),
        created_at=AT,
    )
    users = {
        one: User(
            id=one,
            kind=UserKind.CONTACT if one in contacts else UserKind.PERSON,
            display_name=one,
            created_at=AT,
        )
        for one in NAMES
        if one not in gone
    }
    board = Progress(conversation, users, (), ())
    recipients = recipients_of(message, conversation)
    assert recipients == board.recipients(message)
    known = {one: users[one] for one in recipients if one in users}
    assert status_at_first(message, recipients, known) is board.overall(message)
