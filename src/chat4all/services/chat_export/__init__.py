"""Chats exported by other programs, read into neutral records.

`read_export` takes what WhatsApp (text or zip) and Telegram Desktop (`result.json`) write;
nothing is dropped silently: what is no message is a notice or an `UnreadableLine`.
"""

from chat4all.services.chat_export.detect import detect_format, read_export
from chat4all.services.chat_export.records import (
    ChatKind,
    DateOrder,
    Export,
    ExportedChat,
    ExportedMessage,
    ExportedParticipant,
    ExportedReaction,
    ExportFormat,
    MessageKind,
    NotAChatExport,
    UnreadableLine,
)

__all__ = [
    "ChatKind",
    "DateOrder",
    "Export",
    "ExportFormat",
    "ExportedChat",
    "ExportedMessage",
    "ExportedParticipant",
    "ExportedReaction",
    "MessageKind",
    "NotAChatExport",
    "UnreadableLine",
    "detect_format",
    "read_export",
]
