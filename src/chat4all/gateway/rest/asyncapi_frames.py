"""The frames that the server sends, as JSON Schema."""

from __future__ import annotations

from typing import Any

TEXT: dict[str, Any] = {"type": "string"}
ID: dict[str, Any] = {"type": "string", "format": "uuid"}
TIME: dict[str, Any] = {"type": ["string", "null"], "format": "date-time"}
CURSOR: dict[str, Any] = {
    "type": "string",
    "description": "Opaque. Keep the last one; `resume` with it after a new connection.",
}
REQUEST: dict[str, Any] = {
    "type": ["string", "null"],
    "description": "The `request_id` of the frame that this answers.",
}
MESSAGE: dict[str, Any] = {"$ref": "#/components/schemas/StoredMessage"}


def _frame(kind: str, description: str, *optional: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "properties": {"type": {"const": kind}, **fields},
        "required": ["type", *(name for name in fields if name not in optional)],
    }


SERVER_FRAMES: dict[str, dict[str, Any]] = {
    "ready": _frame("ready", "The token is good; live frames follow.", user_id=ID, cursor=CURSOR),
    "accepted": _frame(
        "accepted",
        "The message of a `send` is kept.",
        request_id=TEXT,
        message_id=ID,
        conversation_id=ID,
        accepted_at={"type": "string", "format": "date-time"},
    ),
    "done": _frame("done", "An `edit` or `delete` is kept.", request_id=TEXT, message_id=ID),
    "message": _frame(
        "message", "Somebody, or oneself elsewhere, said something.", cursor=CURSOR, message=MESSAGE
    ),
    "edited": _frame("edited", "A message has new content.", cursor=CURSOR, message=MESSAGE),
    "deleted": _frame(
        "deleted",
        "A message was deleted, or hidden on another device of one's own.",
        cursor=CURSOR,
        conversation_id=ID,
        message_id=ID,
        seq={"type": "integer", "minimum": 1},
        at=TIME,
    ),
    "reaction": _frame(
        "reaction",
        "Somebody gave or took back an emoji.",
        cursor=CURSOR,
        conversation_id=ID,
        message_id=ID,
        user_id=ID,
        emoji=TEXT,
        removed={"type": "boolean"},
    ),
    "status": _frame(
        "status",
        "A message came further with one recipient on one channel, or failed there.",
        "external_id",
        "error",
        "note",
        cursor=CURSOR,
        conversation_id=ID,
        message_id=ID,
        user_id=ID,
        channel=TEXT,
        status={"enum": ["accepted", "sent", "delivered", "read", "failed"]},
        at=TIME,
        external_id={"type": ["string", "null"]},
        error={"anyOf": [{"$ref": "#/components/schemas/StatusError"}, {"type": "null"}]},
        note={"type": ["string", "null"]},
    ),
    "conversation": _frame(
        "conversation",
        "The conversation changed: read it again. `read`: oneself, on another device.",
        "user_id",
        "at",
        "last_read_seq",
        cursor=CURSOR,
        conversation_id=ID,
        change={
            "enum": [
                "created",
                "updated",
                "deleted",
                "member_added",
                "member_removed",
                "role_changed",
                "read",
            ]
        },
        user_id={"type": ["string", "null"], "description": "Whom the change concerns."},
        at=TIME,
        last_read_seq={"type": "integer", "minimum": 0},
    ),
    "typing": _frame("typing", "Somebody is writing.", conversation_id=ID, user_id=ID),
    "presence": _frame(
        "presence",
        "Somebody came, went, or said what they are.",
        user_id=ID,
        status={"enum": ["online", "away", "busy", "offline"]},
    ),
    "error": _frame(
        "error",
        "A frame was refused; the connection goes on.",
        "request_id",
        "errors",
        "retry_after",
        request_id=REQUEST,
        code=TEXT,
        detail=TEXT,
        errors={
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": TEXT, "detail": TEXT},
                "required": ["pointer", "detail"],
            },
        },
        retry_after={"type": "number", "description": "Seconds."},
    ),
    "pong": _frame("pong", "The answer to `ping`.", request_id=REQUEST),
}
