"""Reading the body of a send: the same for REST and for the WebSocket."""

from __future__ import annotations

from chat4all.domain.drafts import Draft
from chat4all.gateway.rest.schemas.messages import NewMessage
from chat4all.gateway.rest.strict_json import decode


def read_draft(body: bytes) -> Draft:
    """Return the draft that `body` describes. Raises `InvalidInput`."""
    message: NewMessage = decode(body, NewMessage)
    return message.to_draft()
