"""Playing the people over HTTP: the JSON API under `/sim`.

For browsers, the CLI and tests in other processes. It has no authentication: keep the
simulator on loopback. `{phone}` is a person's phone number in digits. A call about a chat
takes `?number=PHONE_NUMBER_ID` where there are several numbers. Errors are
`{"error": "..."}` with 400 or 404.

| call | does |
|---|---|
| `GET /sim/state` | who there is, without secrets |
| `POST /sim/people` | `{name, phone?}` |
| `PUT /sim/callback` | `{url}`, null takes it away; asks the address for the challenge first |
| `GET /sim/people/{phone}/chat` | what the person's phone shows |
| `POST /sim/people/{phone}/messages` | `{text}`, `{location}`, `{contact}`, `{media}` |
| `POST /sim/people/{phone}/reactions` | `{message_id, emoji}`, null takes it away |
| `POST /sim/people/{phone}/edits`, `.../deletions` | `{message_id, text}`, `{message_id}` |
| `POST /sim/people/{phone}/read` | reads all that has arrived |
| `PUT`, `DELETE /sim/people/{phone}/online` | connects, disconnects the phone |
| `PUT`, `DELETE /sim/people/{phone}/block` | blocks, unblocks the number |
| `GET`, `POST`, `DELETE /sim/faults` | a `Fault`: `{kind, times?, probability?, ...}` |
| `PUT`, `DELETE /sim/limits` | a `RateLimits`; `{}` means WhatsApp's own |
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs

import msgspec

from chat4all.testing.whatsapp.errors import NoSuchParticipant, SimulationError
from chat4all.testing.whatsapp.faults import Fault
from chat4all.testing.whatsapp.limits import NO_LIMITS, RateLimits
from chat4all.testing.whatsapp.phone import Phone

if TYPE_CHECKING:
    from chat4all.testing.whatsapp.simulator import WhatsAppSimulator

T = TypeVar("T")


class _NewPerson(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    phone: str | None = None


class _Callback(msgspec.Struct, forbid_unknown_fields=True):
    url: str | None


class _Location(msgspec.Struct, forbid_unknown_fields=True):
    latitude: float
    longitude: float
    name: str | None = None


class _Contact(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    phone: str


class _Media(msgspec.Struct, forbid_unknown_fields=True):
    """`data` is Base64."""

    kind: str
    data: bytes
    mime_type: str | None = None
    name: str | None = None
    caption: str | None = None
    voice: bool = False


class _NewMessage(msgspec.Struct, forbid_unknown_fields=True):
    text: str | None = None
    location: _Location | None = None
    contact: _Contact | None = None
    media: _Media | None = None
    reply_to: str | None = None


class _Reaction(msgspec.Struct, forbid_unknown_fields=True):
    message_id: str
    emoji: str | None


class _Edit(msgspec.Struct, forbid_unknown_fields=True):
    message_id: str
    text: str


class _Which(msgspec.Struct, forbid_unknown_fields=True):
    message_id: str


class _Request(msgspec.Struct):
    """What a handler gets: who it is about, the number meant, and the body."""

    phone: str
    number: str | None
    body: bytes

    def read(self, kind: type[T]) -> T:
        return msgspec.json.decode(self.body or b"{}", type=kind)


Handler = Callable[[_Request], Awaitable[Any]]


class ControlApi:
    """Translates the table above into acts of `Phone` and the simulator."""

    def __init__(self, simulator: WhatsAppSimulator) -> None:
        self._simulator = simulator
        person = "/people/{phone}"
        self._routes = [
            _route("GET", "/state", self._state),
            _route("POST", "/people", self._add_person),
            _route("PUT", "/callback", self._set_callback),
            _route("GET", person + "/chat", self._view),
            _route("POST", person + "/messages", self._write),
            _route("POST", person + "/reactions", self._react),
            _route("POST", person + "/edits", self._edit),
            _route("POST", person + "/deletions", self._delete),
            _route("POST", person + "/read", self._read),
            _route("PUT", person + "/online", self._go_online),
            _route("DELETE", person + "/online", self._go_offline),
            _route("PUT", person + "/block", self._block),
            _route("DELETE", person + "/block", self._unblock),
            _route("GET", "/faults", self._get_faults),
            _route("POST", "/faults", self._add_fault),
            _route("DELETE", "/faults", self._clear_faults),
            _route("PUT", "/limits", self._set_limits),
            _route("DELETE", "/limits", self._clear_limits),
        ]

    async def handle(self, method: str, path: str, query: str, body: bytes) -> tuple[int, Any]:
        """Return the HTTP status and the answer for a path below `/sim`."""
        number = parse_qs(query).get("number", [None])[0]
        for verb, pattern, handler in self._routes:
            match = pattern.fullmatch(path)
            if match is not None and verb == method:
                phone = match.groupdict().get("phone", "")
                return await _answer(handler, _Request(phone, number, body))
        return 404, {"error": f"There is no {method} /sim{path}."}

    # -- who there is

    async def _state(self, _: _Request) -> Any:
        network = self._simulator.network
        return {
            "numbers": [
                {
                    "phone_number_id": one.phone_number_id,
                    "business_account_id": one.business_account_id,
                    "display_phone_number": one.display_phone_number,
                    "callback_url": one.callback_url,
                    "templates": one.templates,
                }
                for one in network.numbers.values()
            ],
            "people": list(network.people.values()),
        }

    async def _add_person(self, request: _Request) -> Any:
        new = request.read(_NewPerson)
        return self._simulator.add_person(new.name, phone=new.phone).owner

    async def _set_callback(self, request: _Request) -> Any:
        number = self._simulator.network.number(request.number)
        await self._simulator.subscribe(number, request.read(_Callback).url)

    # -- a person's phone

    def _phone(self, request: _Request) -> Phone:
        return self._simulator.phone(request.phone)

    async def _view(self, request: _Request) -> Any:
        return self._phone(request).view(request.number)

    async def _write(self, request: _Request) -> Any:
        phone, to, new = self._phone(request), request.number, request.read(_NewMessage)
        if (place := new.location) is not None:
            sent = phone.send_location(
                place.latitude, place.longitude, name=place.name, to=to, reply_to=new.reply_to
            )
        elif (card := new.contact) is not None:
            sent = phone.send_contact(card.name, card.phone, to=to, reply_to=new.reply_to)
        elif new.media is not None:
            media = msgspec.structs.asdict(new.media)
            sent = phone.send_media(**media, to=to, reply_to=new.reply_to)
        else:
            sent = phone.write(new.text or "", to=to, reply_to=new.reply_to)
        return {"message_id": sent}

    async def _react(self, request: _Request) -> Any:
        new = request.read(_Reaction)
        self._phone(request).react(new.message_id, new.emoji, to=request.number)

    async def _edit(self, request: _Request) -> Any:
        new = request.read(_Edit)
        self._phone(request).edit(new.message_id, new.text, to=request.number)

    async def _delete(self, request: _Request) -> Any:
        self._phone(request).delete(request.read(_Which).message_id, to=request.number)

    async def _read(self, request: _Request) -> Any:
        self._phone(request).read(to=request.number)

    async def _go_online(self, request: _Request) -> Any:
        self._phone(request).go_online()

    async def _go_offline(self, request: _Request) -> Any:
        self._phone(request).go_offline()

    async def _block(self, request: _Request) -> Any:
        self._phone(request).block(to=request.number)

    async def _unblock(self, request: _Request) -> Any:
        self._phone(request).unblock(to=request.number)

    # -- misbehaviour

    async def _get_faults(self, _: _Request) -> Any:
        return list(self._simulator.faults.rules)

    async def _add_fault(self, request: _Request) -> Any:
        self._simulator.faults.add(request.read(Fault))

    async def _clear_faults(self, _: _Request) -> Any:
        self._simulator.faults.clear()

    async def _set_limits(self, request: _Request) -> Any:
        self._simulator.limiter.limits = request.read(RateLimits)

    async def _clear_limits(self, _: _Request) -> Any:
        self._simulator.limiter.limits = NO_LIMITS


def _route(method: str, path: str, handler: Handler) -> tuple[str, re.Pattern[str], Handler]:
    return method, re.compile(path.replace("{phone}", r"(?P<phone>\d{1,18})"), re.ASCII), handler


async def _answer(handler: Handler, request: _Request) -> tuple[int, Any]:
    try:
        result = await handler(request)
    except NoSuchParticipant as error:
        return 404, {"error": str(error)}
    except (SimulationError, msgspec.DecodeError, UnicodeError) as error:
        return 400, {"error": str(error)}
    return (200, {"ok": True}) if result is None else (200, result)
