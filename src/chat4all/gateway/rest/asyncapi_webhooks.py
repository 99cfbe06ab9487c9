"""What outgoing webhooks post, as messages of the AsyncAPI document.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

from typing import Any

from chat4all.domain.webhooks import EVENT_KINDS, SWITCHED_OFF, TEST, TYPE_PREFIX, Disabled
from chat4all.gateway.rest.asyncapi_frames import ID, SERVER_FRAMES, TEXT

CONTENT_TYPE = "application/cloudevents+json"
HEADERS: dict[str, Any] = {
    "type": "object",
    "description": "Standard Webhooks.",
    "properties": {
        "webhook-id": {**TEXT, "description": "The event's id: drop what comes a second time."},
        "webhook-timestamp": {**TEXT, "description": "When this try was made: Unix time, seconds."},
        "webhook-signature": {
            **TEXT,
            "description": "`v1,` and the base64 of HMAC-SHA256 of id.timestamp.body; one for each"
            " secret that is good now, with a space between.",
        },
    },
    "required": ["webhook-id", "webhook-timestamp", "webhook-signature"],
}


def webhook_messages() -> dict[str, dict[str, Any]]:
    """Return a message for each type of event, by the name of the type."""
    kinds = {kind: _without_cursor(SERVER_FRAMES[kind]) for kind in EVENT_KINDS}
    kinds[TEST] = _of_itself(TEST, "An event of no meaning, asked for by the owner.")
    kinds[SWITCHED_OFF] = _of_itself(
        SWITCHED_OFF,
        "Another endpoint of the owner's was switched off.",
        url={"type": "string", "format": "uri"},
        reason={"enum": [one.value for one in Disabled if one is not Disabled.OWNER]},
    )
    return {TYPE_PREFIX + kind: _message(kind, data) for kind, data in kinds.items()}


def _message(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    where = {"subject": {**ID, "description": "The conversation."}} if kind in EVENT_KINDS else {}
    properties = {
        "specversion": {"const": "1.0"},
        "id": {**ID, "description": "The same at every try, and for all who are told."},
        "source": {"type": "string", "format": "uri", "description": "The server."},
        "type": {"const": TYPE_PREFIX + kind},
        **where,
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "data": data,
    }
    return {
        "name": TYPE_PREFIX + kind,
        "summary": data["description"],
        "contentType": CONTENT_TYPE,
        "headers": HEADERS,
        "payload": {
            "type": "object",
            "properties": properties,
            "required": list(properties),
        },
    }


def _without_cursor(frame: dict[str, Any]) -> dict[str, Any]:
    fields = {name: field for name, field in frame["properties"].items() if name != "cursor"}
    required = [name for name in frame["required"] if name != "cursor"]
    return {**frame, "properties": fields, "required": required}


def _of_itself(kind: str, description: str, **fields: dict[str, Any]) -> dict[str, Any]:
    properties = {"type": {"const": kind}, "endpoint_id": ID, **fields}
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
    }
