"""The AsyncAPI 3 document of the WebSocket `/v1/ws` and of outgoing webhooks.

https://www.asyncapi.com/docs/reference/specification/v3.0.0
What clients send is described from the structs that the server reads; what the server
sends is described in `asyncapi_frames`.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import msgspec

from chat4all.gateway.rest.asyncapi_frames import SERVER_FRAMES
from chat4all.gateway.rest.asyncapi_webhooks import webhook_messages
from chat4all.gateway.rest.ecma_patterns import in_ecma
from chat4all.gateway.rest.schemas.messages import NewMessage, StatusError, StoredMessage
from chat4all.gateway.rest.schemas.text import JSON_VALUE
from chat4all.gateway.ws import frames

REF = "#/components/schemas/{name}"
CLIENT_FRAMES: dict[str, type[msgspec.Struct]] = {
    "auth": frames.Auth,
    "resume": frames.Resume,
    "send": frames.Send,
    "edit": frames.Edit,
    "delete": frames.Delete,
    "delivered": frames.Delivered,
    "read": frames.Read,
    "typing": frames.Typing,
    "presence": frames.SetPresence,
    "ping": frames.Ping,
}

DESCRIPTION = """JSON text frames with a `type`. The access token comes as a subprotocol
(`Sec-WebSocket-Protocol: chat4all.v1, bearer.<token>`) or as a first frame `auth` within 5
seconds, never in the address. After `ready` the client may `resume` from the cursor it last
saw: it then gets all it missed, in order, once. The server closes with 4401 (token missing,
bad or expired), 4403 (not permitted), 4408 (no `auth` in time), 4429 (the client reads too
slowly: connect and resume), 1009 (frame over 256 KiB), 1012 (the node stops: connect again and
resume) or 1013 (try again later)."""

SERVERS: dict[str, Any] = {
    "here": {
        "host": "localhost:8000",
        "protocol": "ws",
        "description": "The server this document came from; wss behind TLS.",
        "security": [{"$ref": "#/components/securitySchemes/subprotocol"}],
    },
    "receiver": {
        "host": "receiver.example.org",
        "protocol": "https",
        "description": "Who takes webhooks.",
    },
}


def asyncapi_document() -> dict[str, Any]:
    """Return the document."""
    messages = {
        **{f"client.{kind}": _message(kind, _client(kind)) for kind in CLIENT_FRAMES},
        **{f"server.{kind}": _message(kind, frame) for kind, frame in SERVER_FRAMES.items()},
    }
    webhooks = webhook_messages()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Chat4All events",
            "version": version("chat4all"),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": SERVERS,
        "channels": {
            "socket": {
                "address": "/v1/ws",
                "servers": [{"$ref": "#/servers/here"}],
                "messages": _references(messages),
                "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
            },
            "webhook": {
                "address": "/",
                "description": "Whatever address its owner gave to `POST /v1/webhook-endpoints`.",
                "servers": [{"$ref": "#/servers/receiver"}],
                "messages": _references(webhooks),
            },
        },
        "operations": {
            "fromClient": _operation("receive", "socket", messages, "client."),
            "toClient": _operation("send", "socket", messages, "server."),
            "toReceiver": {
                **_operation("send", "webhook", webhooks),
                "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
            },
        },
        "components": {
            "messages": messages | webhooks,
            "schemas": _schemas(),
            "securitySchemes": {
                "subprotocol": {
                    "type": "httpApiKey",
                    "in": "header",
                    "name": "Sec-WebSocket-Protocol",
                    "description": "`chat4all.v1, bearer.<token>`; a service account that acts as "
                    "a user adds `on-behalf-of.<user id>`",
                }
            },
        },
    }


def _message(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {"name": kind, "summary": payload.get("description", kind), "payload": payload}


def _client(kind: str) -> dict[str, Any]:
    return {
        "$ref": REF.format(name=CLIENT_FRAMES[kind].__name__),
        "description": CLIENT_FRAMES[kind].__doc__ or kind,
    }


def _references(messages: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in messages}


def _operation(
    action: str, channel: str, messages: Iterable[str], prefix: str = ""
) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [
            {"$ref": f"#/channels/{channel}/messages/{name}"}
            for name in messages
            if name.startswith(prefix)
        ],
    }


def _schemas() -> dict[str, Any]:
    structs = [*CLIENT_FRAMES.values(), NewMessage, StoredMessage, StatusError]
    _, schemas = msgspec.json.schema_components(structs, ref_template=REF)
    schemas["JsonValue"] = JSON_VALUE
    schemas["Send"]["properties"]["message"] = {"$ref": REF.format(name="NewMessage")}
    return {name: _undiscriminated(in_ecma(schema)) for name, schema in schemas.items()}


def _undiscriminated(value: Any) -> Any:
    """Return a schema without OpenAPI's discriminators, which AsyncAPI writes otherwise.

    What they tell follows from the constant `type` of each kind.
    """
    if isinstance(value, dict):
        left = {key: one for key, one in value.items() if key != "discriminator"}
        return {key: _undiscriminated(one) for key, one in left.items()}
    return [_undiscriminated(one) for one in value] if isinstance(value, list) else value
