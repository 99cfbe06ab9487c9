"""What the simulated phones show: a state that is the sum of the acts so far.

An act is a JSON object. Applying the acts of a journal in order gives the state again, so a
restart of the program keeps the screens.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from chat4all.domain.ids import derived_id
from chat4all.domain.outgoing import Outgoing
from chat4all.domain.payload import Payload, payload_from
from chat4all.ports.phones import Phone, PhoneFailure, PhoneFile, PhoneMessage

Act = dict[str, Any]

MAX_PHONES = 1_000
MAX_MESSAGES = 2_000
"""Messages per phone; older ones go, and so does the phone that was idle the longest."""

OURS, THEIRS = "ours", "theirs"
"""Whose reactions: those of the account, or those of the person with the phone."""


@dataclass(slots=True)
class Bubble:
    """One message on a screen; `incoming` is seen from the phone."""

    external_id: str
    incoming: bool
    payload: Payload
    at: datetime
    status: str
    from_name: str | None = None
    reply_to: str | None = None
    edited: bool = False
    deleted: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    before_edit: Payload | None = None
    file: PhoneFile | None = None

    @property
    def first_payload(self) -> Payload:
        """Return what it showed when it came."""
        return self.before_edit or self.payload

    def seen(self) -> PhoneMessage:
        """Return it as the page shows it."""
        return PhoneMessage(
            external_id=self.external_id,
            direction="in" if self.incoming else "out",
            payload=self.payload,
            at=self.at,
            status=self.status,
            from_name=self.from_name,
            reply_to=self.reply_to,
            edited=self.edited,
            deleted=self.deleted,
            reactions=[emoji for emojis in self.reactions.values() for emoji in emojis],
            file=self.file,
        )


@dataclass(slots=True)
class Screen:
    """One phone."""

    external_id: str
    online: bool = True
    fail: PhoneFailure | None = None
    bubbles: OrderedDict[str, Bubble] = field(default_factory=OrderedDict)

    def place_of(self, message: Outgoing) -> str:
        """Return the id that a message has on the phone, or will have there."""
        external_id = str(message.message_id)
        shown = self.bubbles.get(external_id)
        if shown is None or shown.first_payload == message.payload:
            return external_id
        return derived_id("part", external_id, json.dumps(message.payload.as_dict()))

    def seen(self, display_name: str, *, with_messages: bool = True) -> Phone:
        """Return it as the page shows it."""
        bubbles = self.bubbles.values() if with_messages else ()
        return Phone(
            external_id=self.external_id,
            display_name=display_name,
            online=self.online,
            fail=self.fail,
            messages=[bubble.seen() for bubble in bubbles],
        )


class Screens:
    """All phones, and the events the account has not confirmed yet."""

    def __init__(self) -> None:
        self._phones: OrderedDict[str, Screen] = OrderedDict()
        self.waiting: OrderedDict[int, Act] = OrderedDict()
        self.last_event = 0

    def __iter__(self) -> Iterator[Screen]:
        return iter(list(self._phones.values()))

    def phone(self, external_id: str) -> Screen:
        """Return a phone; one nobody used yet is new, online and empty."""
        screen = self._phones.setdefault(external_id, Screen(external_id))
        self._phones.move_to_end(external_id)
        if len(self._phones) > MAX_PHONES:
            self._phones.popitem(last=False)
        return screen

    def apply(self, act: Act) -> None:
        """Change the state by one act; one about a forgotten message changes nothing."""
        match act["act"]:
            case "event":
                self.last_event = max(self.last_event, act["number"])
                self.waiting[act["number"]] = act["body"]
            case "done":
                self.waiting.pop(act["number"], None)
            case "message":
                self._add(act)
            case "configure":
                screen = self.phone(act["phone"])
                screen.online = act["online"]
                screen.fail = PhoneFailure(act["fail"]) if act["fail"] else None
            case _:
                bubble = self.phone(act["phone"]).bubbles.get(act["id"])
                if bubble is not None:
                    _change(bubble, act)

    def acts(self) -> Iterator[Act]:
        """Return the fewest acts that lead to this state."""
        yield {"act": "event", "number": self.last_event, "body": {}}
        yield {"act": "done", "number": self.last_event}
        for screen in self:
            yield {
                "act": "configure",
                "phone": screen.external_id,
                "online": screen.online,
                "fail": screen.fail,
            }
            for bubble in screen.bubbles.values():
                yield from _acts_of(screen.external_id, bubble)
        for number, body in self.waiting.items():
            yield {"act": "event", "number": number, "body": body}

    def _add(self, act: Act) -> None:
        bubbles = self.phone(act["phone"]).bubbles
        bubbles[act["id"]] = Bubble(
            external_id=act["id"],
            incoming=act["incoming"],
            payload=payload_from(act["payload"]),
            at=datetime.fromisoformat(act["at"]),
            status=act["status"],
            from_name=act.get("from_name"),
            reply_to=act.get("reply_to"),
            file=PhoneFile(**act["file"]) if act.get("file") else None,
        )
        if len(bubbles) > MAX_MESSAGES:
            bubbles.popitem(last=False)


def _change(bubble: Bubble, act: Act) -> None:
    match act["act"]:
        case "edit":
            bubble.before_edit = bubble.first_payload
            bubble.payload = payload_from(act["payload"])
            bubble.edited = True
        case "delete":
            bubble.deleted = True
        case "react":
            bubble.reactions[act["by"]] = list(act["emojis"])
        case "status":
            bubble.status = act["status"]


def _acts_of(phone: str, bubble: Bubble) -> Iterator[Act]:
    about = {"phone": phone, "id": bubble.external_id}
    yield {
        **about,
        "act": "message",
        "incoming": bubble.incoming,
        "payload": bubble.first_payload.as_dict(),
        "at": bubble.at.isoformat(),
        "status": bubble.status,
        "from_name": bubble.from_name,
        "reply_to": bubble.reply_to,
        "file": asdict(bubble.file) if bubble.file else None,
    }
    if bubble.edited:
        yield {**about, "act": "edit", "payload": bubble.payload.as_dict()}
    if bubble.deleted:
        yield {**about, "act": "delete"}
    for by, emojis in bubble.reactions.items():
        yield {**about, "act": "react", "by": by, "emojis": emojis}
