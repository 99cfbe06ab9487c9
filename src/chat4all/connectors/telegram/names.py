"""Names and times as Telegram tells them."""

from __future__ import annotations

from datetime import UTC, datetime

from aiogram.types import Chat


def full_name(first: str, last: str | None) -> str:
    """Return the name that Telegram's apps show."""
    return " ".join(part for part in (first.strip(), (last or "").strip()) if part)


def group_title(chat: Chat) -> str:
    """Return the name of a group or channel, empty when it has none."""
    return chat.title or chat.username or ""


def utc(moment: datetime | int) -> datetime:
    """Return a time, which may be in Unix seconds, as aware UTC.

    Raises `ValueError` for one outside the calendar.
    """
    try:
        if isinstance(moment, int):
            return datetime.fromtimestamp(moment, UTC)
        return moment.astimezone(UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError("an update with an impossible date") from error
