"""The envelope in which receivers of webhooks get what happened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from chat4all.domain.ids import DeliveryId, new_id
from chat4all.domain.webhooks import TYPE_PREFIX, Delivery, Endpoint, place_at

_encode = msgspec.json.Encoder().encode


def cloud_event(
    event_id: str,
    kind: str,
    data: Mapping[str, Any],
    *,
    source: str,
    at: datetime,
    subject: str | None = None,
) -> str:
    """Return the envelope around what is told.

    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
    """
    about = {} if subject is None else {"subject": subject}
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": TYPE_PREFIX + kind,
        **about,
        "time": at,
        "datacontenttype": "application/json",
        "data": data,
    }
    return _encode(envelope).decode()


def of_itself(
    endpoint: Endpoint, kind: str, data: Mapping[str, Any], *, source: str, at: datetime
) -> Delivery:
    """Return the delivery of an event that stands in no log, and waits for no other one."""
    event_id = new_id()
    return Delivery(
        id=DeliveryId(new_id()),
        endpoint_id=endpoint.id,
        event_id=event_id,
        type=TYPE_PREFIX + kind,
        lane=event_id,
        place=place_at(at),
        body=cloud_event(event_id, kind, {"type": kind, **data}, source=source, at=at),
        created_at=at,
    )
