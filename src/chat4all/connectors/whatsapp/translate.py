"""A callback of WhatsApp as our events. Pure: the same callback gives the same events.

Read here and not by pywa, which reads the first message of a callback alone while WhatsApp
puts up to 1,000 into one, and which takes none without the newest fields.
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json

from chat4all.connectors.whatsapp.contents import attachment_of, payload_of, text_at
from chat4all.connectors.whatsapp.failures import failure_of
from chat4all.domain.inbound import (
    Inbound,
    IncomingDeletion,
    IncomingEdit,
    IncomingMessage,
    IncomingReaction,
    Receipt,
)
from chat4all.domain.status import Failure, Status

Json = Mapping[str, Any]

_LINK = re.compile(r"\s*(?:/start\s+([A-Za-z0-9_-]{1,64})|[Ll]ink:?\s+([A-Z0-9]{8,16}))\s*")
"""What links an identity; after `link` only what looks like a code, for it is a word too."""

_STATUSES = {
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "read": Status.READ,
    "played": Status.READ,
    "failed": Status.FAILED,
}
_WELCOME = "request_welcome"
"""Somebody opened the chat, and wrote nothing yet."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """One of `messages`: who sent it where, and when."""

    raw: Json
    external_id: str
    address: str
    author: str
    author_name: str
    at: datetime
    in_group: bool


def events_of(body: bytes, *, phone_number_id: str) -> Sequence[Inbound]:
    """Return what a callback says to the number; that of another number is none of it.

    A part that cannot be read is logged and passed over: the others are other people's.
    Raises `ValueError` for a body that is no callback of WhatsApp at all.
    """
    raw = from_json(body)
    entries = raw.get("entry") if isinstance(raw, dict) else None
    if not isinstance(entries, list) or raw.get("object") != "whatsapp_business_account":
        raise ValueError("not a callback of a WhatsApp business account")
    return [
        event
        for entry in _objects(entries)
        for change in _objects(entry.get("changes"))
        if change.get("field") == "messages"
        for event in _events_of_value(change.get("value"), phone_number_id)
    ]


def _events_of_value(value: object, phone_number_id: str) -> Iterator[Inbound]:
    if not isinstance(value, dict):
        return
    if text_at(value, "metadata", "phone_number_id") != phone_number_id:
        _log.info("a callback for another phone number; not read")
        return
    for error in _objects(value.get("errors")):
        _log.warning("whatsapp reports error %s", failure_of(error).code)
    names = _names(value)
    for message in _objects(value.get("messages")):
        yield from _read(_event, message, names)
    for status in _objects(value.get("statuses")):
        yield from _read(_receipt, status, names)


def _read(reader: Any, raw: Json, names: Mapping[str, str]) -> Iterator[Inbound]:
    try:
        event: Inbound | None = reader(raw, names)
    except (ValueError, OverflowError, OSError) as error:  # a date outside the calendar too
        _log.warning("part of a callback cannot be read: %s", error)
        return
    if event is not None:
        yield event


def _event(raw: Json, names: Mapping[str, str]) -> Inbound | None:
    item = _item(raw, names)
    kind = raw.get("type")
    if kind == "reaction":
        return _reaction(item)
    if kind == "edit":
        return _edit(item)
    if kind == "revoke":
        return _deletion(item)
    return None if kind == _WELCOME else _message(item)


def _message(item: _Item) -> IncomingMessage:
    payload = payload_of(item.raw)
    code = None
    if payload.text and not item.in_group and (found := _LINK.fullmatch(payload.text)):
        code = found[1] or found[2]
    return IncomingMessage(
        external_id=item.external_id,
        address=item.address,
        author=item.author,
        author_name=item.author_name,
        payload=payload,
        sent_at=item.at,
        reply_to=text_at(item.raw, "context", "id"),
        link_code=code,
        title="" if item.in_group else None,
        attachment=attachment_of(item.raw),
    )


def _reaction(item: _Item) -> IncomingReaction:
    emoji = text_at(item.raw, "reaction", "emoji")  # left out or empty: taken back
    return IncomingReaction(
        external_id=_required(item.raw, "reaction", "message_id"),
        address=item.address,
        author=item.author,
        emojis=(emoji,) if emoji else (),
        at=item.at,
    )


def _edit(item: _Item) -> IncomingEdit:
    edit = item.raw.get("edit")
    content = edit.get("message") if isinstance(edit, dict) else None
    if not isinstance(content, dict):
        raise ValueError("an edit without its message")  # noqa: TRY004 - a value from outside
    return IncomingEdit(
        external_id=_required(item.raw, "edit", "original_message_id"),
        address=item.address,
        author=item.author,
        payload=payload_of(content),
        edited_at=item.at,
    )


def _deletion(item: _Item) -> IncomingDeletion:
    return IncomingDeletion(
        external_id=_required(item.raw, "revoke", "original_message_id"),
        address=item.address,
        author=item.author,
        deleted_at=item.at,
    )


def _receipt(raw: Json, names: Mapping[str, str]) -> Receipt | None:
    del names  # a receipt names nobody
    status = _STATUSES.get(_required(raw, "status"))
    if status is None:  # such as `warning`, which says nothing about how far it came
        return None
    return Receipt(
        external_id=_required(raw, "id"),
        address=text_at(raw, "recipient_id") or _required(raw, "recipient_user_id"),
        status=status,
        at=_moment(raw),
        error=_failure(raw) if status is Status.FAILED else None,
        author=text_at(raw, "recipient_participant_id"),
    )


def _failure(raw: Json) -> Failure:
    errors = list(_objects(raw.get("errors")))
    return failure_of(errors[0] if errors else {})


def _item(raw: Json, names: Mapping[str, str]) -> _Item:
    # Who has a username may hide the phone number, and is then known by an id alone.
    author = text_at(raw, "from") or _required(raw, "from_user_id")
    group = text_at(raw, "group_id")
    name = names.get(author) or names.get(text_at(raw, "from_user_id") or "") or author
    return _Item(
        raw=raw,
        external_id=_required(raw, "id"),
        address=group or author,
        author=author,
        author_name=name,
        at=_moment(raw),
        in_group=group is not None,
    )


def _names(value: Json) -> dict[str, str]:
    """Return the profile names that come with the messages, by each id of their people."""
    names: dict[str, str] = {}
    for contact in _objects(value.get("contacts")):
        name = text_at(contact, "profile", "name") or text_at(contact, "profile", "username")
        for key in ("wa_id", "user_id"):
            who = text_at(contact, key)
            if who and name and name.strip():
                names[who] = name.strip()
    return names


def _moment(raw: Json) -> datetime:
    stamp = raw.get("timestamp")
    if isinstance(stamp, str) and stamp.isascii() and stamp.isdigit() and len(stamp) < 20:  # noqa: PLR2004
        stamp = int(stamp)
    if not isinstance(stamp, int) or isinstance(stamp, bool):
        raise ValueError("no timestamp in Unix seconds")  # noqa: TRY004 - a value from outside
    return datetime.fromtimestamp(stamp, UTC)


def _required(raw: Json, *path: str) -> str:
    found = text_at(raw, *path)
    if not found:
        raise ValueError(f"{'.'.join(path)} is missing")
    return found


def _objects(value: object) -> Iterator[dict[str, Any]]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())
