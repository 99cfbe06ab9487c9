"""Turns one entry of a Telegram chat into a record.

The fields are those that Telegram Desktop writes
(https://github.com/telegramdesktop/tdesktop/blob/dev/Telegram/SourceFiles/export/output/export_output_json.cpp).
Every field may be missing or of another type: versions differ, and the file may be forged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from chat4all.services.chat_export.records import (
    ExportedMessage,
    ExportedReaction,
    MessageKind,
)
from chat4all.services.chat_export.safe_text import TextRepair, inner_path, on_earth

# No message is older; a time before it is the epoch in some time zone.
_DAY_ONE = datetime(1970, 1, 3, tzinfo=UTC)
_KIND_BY_MEDIA_TYPE = {
    "sticker": MessageKind.STICKER,
    "video_file": MessageKind.VIDEO,
    "video_message": MessageKind.VIDEO,
    "animation": MessageKind.VIDEO,
    "voice_message": MessageKind.AUDIO,
    "audio_file": MessageKind.AUDIO,
}
_KIND_BY_MIME = {
    "image": MessageKind.IMAGE,
    "video": MessageKind.VIDEO,
    "audio": MessageKind.AUDIO,
}
# Fields that say who, when and where; what is left of a service entry is what happened.
_ENVELOPE = frozenset(
    {"id", "type", "date", "date_unixtime", "actor", "actor_id", "action", "text", "text_entities"}
    | {"forwarded_from", "forwarded_from_id", "via_bot", "author", "saved_from"}
    | {"from", "from_id", "edited", "edited_unixtime", "reply_to_message_id", "reactions"}
)


class UnreadableEntryError(Exception):
    """The entry cannot become a message; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryReader:
    """Reads the entries of the chat `chat_key`; naive times are on the clock of `timezone`."""

    chat_key: str
    timezone: tzinfo
    repair: TextRepair

    def read(self, entry: Any, *, order: int, number: int) -> ExportedMessage:
        """Return the message that `entry` is, or raise `UnreadableEntryError`."""
        if not isinstance(entry, dict):
            raise UnreadableEntryError("is not an object")
        if not isinstance(entry.get("id"), int):
            raise UnreadableEntryError("has no id")
        sent_at = self._time(entry, "date")
        if sent_at is None:
            raise UnreadableEntryError("has no readable date")
        service = entry.get("type") != "message"
        author = "actor" if service and "actor" in entry else "from"
        kind, media, place = self._content(entry)
        text = self.repair(flat_text(entry.get("text", "")))
        if service:
            kind, text = MessageKind.NOTICE, self._notice(entry, text)
        elif isinstance(entry.get("poll"), dict):
            text = "\n".join(filter(None, (text, self.repair(_poll_text(entry["poll"])))))
        elif not text:
            text = self._stand_in(entry, kind)
            kind = MessageKind.NOTICE if text and kind is MessageKind.TEXT else kind
        edited_at = self._time(entry, "edited")
        return ExportedMessage(
            key=f"{self.chat_key}:{entry['id']}",
            author_key=author_key(entry.get(f"{author}_id")),
            author_name=self._string(entry, author) or None,
            sent_at=sent_at,
            order=order,
            kind=kind,
            text=text,
            raw_line_number=number,
            media_name=media,
            latitude=place[0] if place else None,
            longitude=place[1] if place else None,
            reply_to_key=self._reply_to(entry),
            forwarded_from=self._string(entry, "forwarded_from") or None,
            edited=edited_at is not None,
            edited_at=edited_at,
            reactions=self._reactions(entry),
        )

    def _content(
        self, entry: dict[str, Any]
    ) -> tuple[MessageKind, str | None, tuple[float, float] | None]:
        place = _coordinates(entry.get("location_information"))
        if place:
            return MessageKind.LOCATION, None, place
        if "contact_information" in entry:
            return MessageKind.CONTACT, self._media_name(entry, "contact_vcard"), None
        if "photo" in entry:
            return MessageKind.IMAGE, self._media_name(entry, "photo"), None
        media_type = str(entry.get("media_type", ""))
        if "file" not in entry and not media_type:
            return MessageKind.TEXT, None, None
        mime = str(entry.get("mime_type", "")).partition("/")[0]
        kind = _KIND_BY_MEDIA_TYPE.get(media_type) or _KIND_BY_MIME.get(mime, MessageKind.DOCUMENT)
        return kind, self._media_name(entry, "file"), None

    def _media_name(self, entry: dict[str, Any], field: str) -> str | None:
        name = self._string(entry, field)
        # Telegram writes a remark in parentheses for a file it was told to leave out.
        return None if name.startswith("(") else inner_path(name) or None

    def _stand_in(self, entry: dict[str, Any], kind: MessageKind) -> str:
        """Return a text for a message that has none: what it shows, in words."""
        if kind is MessageKind.STICKER:
            return self._string(entry, "sticker_emoji")
        if kind is MessageKind.CONTACT:
            contact = entry["contact_information"]
            return self.repair(_contact_text(contact)) if isinstance(contact, dict) else ""
        if kind is MessageKind.LOCATION:
            parts = (self._string(entry, "place_name"), self._string(entry, "address"))
            return ", ".join(part for part in parts if part)
        return self.repair(_details(entry)) if kind is MessageKind.TEXT else ""

    def _notice(self, entry: dict[str, Any], text: str) -> str:
        action = str(entry.get("action") or entry.get("type") or "service").replace("_", " ")
        details = self.repair(_details(entry))
        return ": ".join(part for part in (self.repair(action), details, text) if part)

    def _reply_to(self, entry: dict[str, Any]) -> str | None:
        replied = entry.get("reply_to_message_id")
        # A reply to a message of another chat, which this export need not contain.
        if not isinstance(replied, int) or "reply_to_peer_id" in entry:
            return None
        return f"{self.chat_key}:{replied}"

    def _reactions(self, entry: dict[str, Any]) -> tuple[ExportedReaction, ...]:
        reactions = entry.get("reactions")
        if not isinstance(reactions, list):
            return ()
        return tuple(self._reaction(each) for each in reactions if isinstance(each, dict))

    def _reaction(self, reaction: dict[str, Any]) -> ExportedReaction:
        recent = reaction.get("recent")
        keys = [
            author_key(each.get("from_id"))
            for each in (recent if isinstance(recent, list) else [])
            if isinstance(each, dict)
        ]
        count = reaction.get("count")
        # Custom emoji and stars have no character of their own; their type is all we can show.
        emoji = self._string(reaction, "emoji") or self._string(reaction, "type") or "?"
        return ExportedReaction(
            emoji=emoji,
            count=count if isinstance(count, int) else len(keys),
            author_keys=tuple(key for key in keys if key is not None),
        )

    def _string(self, entry: dict[str, Any], field: str) -> str:
        found = entry.get(field)
        return self.repair(found) if isinstance(found, str) else ""

    def _time(self, entry: dict[str, Any], field: str) -> datetime | None:
        """Return the time under `field`, None when there is none or it is the epoch itself."""
        try:
            if f"{field}_unixtime" in entry:
                seconds = int(entry[f"{field}_unixtime"])
                return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
            wall_time = datetime.fromisoformat(str(entry.get(field, "")))
            if wall_time.tzinfo is None:
                wall_time = wall_time.replace(tzinfo=self.timezone)
            found = wall_time.astimezone(UTC)
        except (ValueError, TypeError, OverflowError, OSError):
            return None
        # Old versions write "edited": "1970-01-01T01:00:00" for a message never edited.
        return found if found > _DAY_ONE else None


def flat_text(text: Any) -> str:
    """Return the plain text of a string or of a list of strings and entities."""
    parts = text if isinstance(text, list) else [text]
    plain = (part.get("text") if isinstance(part, dict) else part for part in parts)
    return "".join(part for part in plain if isinstance(part, str))


def author_key(identity: Any) -> str | None:
    """Return the key of an author from `user123`, `channel45` or, in old exports, 123."""
    if isinstance(identity, int) and not isinstance(identity, bool):
        return f"telegram:user{identity}"
    if isinstance(identity, str) and identity.isascii() and identity.isalnum():
        return f"telegram:{identity}"
    return None


def _coordinates(place: Any) -> tuple[float, float] | None:
    if not isinstance(place, dict):
        return None
    latitude, longitude = place.get("latitude"), place.get("longitude")
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return None
    return (float(latitude), float(longitude)) if on_earth(latitude, longitude) else None


def _contact_text(contact: dict[str, Any]) -> str:
    fields = (contact.get(name) for name in ("first_name", "last_name", "phone_number"))
    return " ".join(field for field in fields if isinstance(field, str) and field)


def _poll_text(poll: dict[str, Any]) -> str:
    lines = [f"POLL: {flat_text(poll.get('question'))}"]
    answers = poll.get("answers")
    lines.extend(
        f"- {flat_text(answer.get('text'))} ({answer.get('voters', 0)})"
        for answer in (answers if isinstance(answers, list) else [])
        if isinstance(answer, dict)
    )
    return "\n".join(lines)


def _details(entry: dict[str, Any]) -> str:
    """Return the fields that are this entry's own, so that nothing unknown is lost."""
    found = []
    for name, value in entry.items():
        if name in _ENVELOPE:
            continue
        values = value if isinstance(value, list) else [value]
        shown = ", ".join(each if isinstance(each, str) else json.dumps(each) for each in values)
        if shown:
            found.append(f"{name.replace('_', ' ')} {shown}")
    return "; ".join(found)
