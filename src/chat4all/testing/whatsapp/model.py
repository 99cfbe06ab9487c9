"""Who and what there is in a simulated WhatsApp."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chat4all.testing.whatsapp.templates import Template

Json = dict[str, Any]

WINDOW_SECONDS = 24 * 3600.0
"""How long after a person's last message a business may write freely."""


@dataclass(kw_only=True, slots=True)
class Number:
    """A business phone number and the app behind it. `callback_url` is where it listens."""

    phone_number_id: str
    business_account_id: str
    display_phone_number: str
    verified_name: str
    access_token: str
    app_secret: str
    verify_token: str
    callback_url: str | None = None
    templates: list[Template] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class Person:
    """Somebody with WhatsApp. `phone` is in digits; `user_id` is what businesses know them by.

    `read_receipts` is their privacy setting; without it nobody learns what they read.
    """

    phone: str
    name: str
    user_id: str
    online: bool = True
    read_receipts: bool = True


@dataclass(kw_only=True, slots=True)
class ChatMessage:
    """A message between a number and a person.

    `status` is how far one of the business came: accepted, sent, delivered, read or failed.
    """

    id: str
    mine: bool
    """It was written by the person."""
    kind: str
    content: Any
    at: float
    reply_to: str | None = None
    status: str = "accepted"
    error: int | None = None
    reactions: dict[str, str] = field(default_factory=dict)
    """The emoji of the `person` and of the `business`."""


@dataclass(kw_only=True, slots=True)
class Chat:
    """What was said between a number and a person; `last_heard` is when the person wrote."""

    number: Number
    person: Person
    messages: dict[str, ChatMessage] = field(default_factory=dict)
    last_heard: float | None = None
    blocked: bool = False

    def window_open(self, now: float) -> bool:
        """Say whether the business may write freely."""
        return self.last_heard is not None and now < self.last_heard + WINDOW_SECONDS
