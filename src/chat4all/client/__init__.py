"""The client of Chat4All for Python programs: asynchronous, typed, and small.

`Client.sign_in` is where to begin, `Client.with_api_key` for a program:
docs/howto/use-the-python-client.md
"""

from chat4all.client.client import Client, Progress
from chat4all.client.download import Damaged
from chat4all.client.errors import (
    ClientError,
    Conflict,
    FieldError,
    Invalid,
    NotFound,
    NotPermitted,
    NotReached,
    RateLimited,
    Refused,
    Unauthenticated,
    Unavailable,
    WrongSignature,
)
from chat4all.client.events import (
    ConversationChanged,
    Event,
    MessageAdded,
    MessageDeleted,
    MessageEdited,
    PresenceChanged,
    ReactionChanged,
    StatusChanged,
    Typing,
)
from chat4all.client.objects import (
    Conversation,
    File,
    Member,
    Message,
    MessageStatus,
    Payload,
    Reaction,
    Scheduled,
    Sent,
    StatusError,
    StatusLine,
    User,
)
from chat4all.client.upload import FileChanged, UploadLost
from chat4all.client.webhooks import WebhookEvent, verify_webhook

__all__ = [
    "Client",
    "ClientError",
    "Conflict",
    "Conversation",
    "ConversationChanged",
    "Damaged",
    "Event",
    "FieldError",
    "File",
    "FileChanged",
    "Invalid",
    "Member",
    "Message",
    "MessageAdded",
    "MessageDeleted",
    "MessageEdited",
    "MessageStatus",
    "NotFound",
    "NotPermitted",
    "NotReached",
    "Payload",
    "PresenceChanged",
    "Progress",
    "RateLimited",
    "Reaction",
    "ReactionChanged",
    "Refused",
    "Scheduled",
    "Sent",
    "StatusChanged",
    "StatusError",
    "StatusLine",
    "Typing",
    "Unauthenticated",
    "Unavailable",
    "UploadLost",
    "User",
    "WebhookEvent",
    "WrongSignature",
    "verify_webhook",
]
