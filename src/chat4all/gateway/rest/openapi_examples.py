"""Examples for the OpenAPI document, by the name of the schema."""

from __future__ import annotations

from typing import Any

_ANA = "01980f1c-6b1e-7c3a-9d0a-3f5b8a1c2d4e"
_BIA = "01980f1c-6b1e-7c3b-8b4e-1a2b3c4d5e6f"
_TALK = "01980f1d-02aa-7d10-a1b2-c3d4e5f60718"
_SAID = "01980f1d-9f00-7e21-b3c4-d5e6f708192a"

EXAMPLES: dict[str, Any] = {
    "Registration": {"username": "ana", "password": "correct horse battery", "display_name": "Ana"},
    "TokenRequest": {
        "grant_type": "password",
        "username": "ana",
        "password": "correct horse battery",
    },
    "NewContact": {
        "display_name": "Bia",
        "channels": [{"platform": "telegram", "external_id": "123456789"}],
    },
    "NewConversation": {"type": "group", "member_ids": [_ANA, _BIA], "name": "Lunch"},
    "NewMessage": {
        "message_id": _SAID,
        "conversation_id": _TALK,
        "payload": {"type": "text", "text": "Lunch at noon?"},
    },
    "AcceptedMessage": {
        "message_id": _SAID,
        "conversation_id": _TALK,
        "status": "accepted",
        "accepted_at": "2026-01-31T12:00:00Z",
    },
    "UpTo": {"up_to_seq": 42},
    "PresenceChange": {"status": "online"},
    "Problem": {
        "type": "/docs#problem-validation_failed",
        "title": "Validation failed",
        "status": 400,
        "detail": "the body breaks a rule",
        "instance": "/v1/messages",
        "code": "validation_failed",
        "errors": [{"pointer": "/payload/text", "detail": "required"}],
    },
}
