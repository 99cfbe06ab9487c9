"""Playing the people over HTTP: the JSON API under `/sim`.

For browsers, the CLI and tests in other processes. It has no authentication: keep the
simulator on loopback. `{chat}` is a bot's id, a group's negative id, or `bot` for the only
bot. Errors are `{"error": "..."}` with 400 or 404.

| call | does |
|---|---|
| `GET /sim/state?since=V&wait=S` | who there is; waits up to S seconds for a version after V |
| `POST /sim/bots` | `{username, token?}` |
| `POST /sim/people` | `{first_name, id?, last_name?, username?, language_code?}` |
| `POST /sim/groups` | `{title, people, bots?}` |
| `PATCH /sim/groups/{group}` | `{title}` renames |
| `POST /sim/groups/{group}/upgrade` | makes it a supergroup; answers with its new id |
| `PUT`, `DELETE /sim/groups/{group}/people/{id}` | joins, leaves |
| `PUT`, `DELETE /sim/groups/{group}/bots/{id}` | adds, removes a bot |
| `GET /sim/people/{id}/chats/{chat}` | what the person's phone shows |
| `POST .../messages` | `{text}`, `{location}`, `{contact}` or `{media}`, and `reply_to?` |
| `GET /sim/files/{file_id}` | a file that a phone shows |
| `PATCH .../messages/{id}` | `{text}` edits |
| `DELETE .../messages/{id}` | deletes |
| `PUT .../messages/{id}/reaction` | `{emoji}`, null takes it away |
| `POST .../start` | `{payload?}` |
| `PUT .../block`, `DELETE .../block` | blocks, unblocks |
| `GET`, `POST`, `DELETE /sim/faults` | a `Fault`: `{kind, method?, times?, probability?, ...}` |
| `PUT`, `DELETE /sim/limits` | a `RateLimits`; `{}` means Telegram's own |
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs

import msgspec

from chat4all.testing.telegram.errors import NoSuchParticipant, SimulationError
from chat4all.testing.telegram.faults import Fault
from chat4all.testing.telegram.groups import Groups
from chat4all.testing.telegram.limits import NO_LIMITS, RateLimits
from chat4all.testing.telegram.model import Contact, Location
from chat4all.testing.telegram.phone import Phone

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chat4all.testing.telegram.faults import FaultPlan
    from chat4all.testing.telegram.limits import RateLimiter
    from chat4all.testing.telegram.network import Network

T = TypeVar("T")
LONGEST_WAIT = 30.0  # seconds


class _NewBot(msgspec.Struct, forbid_unknown_fields=True):
    username: str
    first_name: str = ""
    token: str | None = None


class _NewPerson(msgspec.Struct, forbid_unknown_fields=True):
    first_name: str
    id: int | None = None
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = "en"


class _NewGroup(msgspec.Struct, forbid_unknown_fields=True):
    title: str
    people: list[int]
    bots: list[int] | None = None


class _Media(msgspec.Struct, forbid_unknown_fields=True):
    """`data` is Base64."""

    kind: str
    data: bytes
    name: str | None = None
    mime_type: str | None = None
    caption: str = ""
    album: str | None = None


class _Title(msgspec.Struct, forbid_unknown_fields=True):
    title: str


class _NewMessage(msgspec.Struct, forbid_unknown_fields=True):
    text: str | None = None
    location: Location | None = None
    contact: Contact | None = None
    media: _Media | None = None
    reply_to: int | None = None


class _Text(msgspec.Struct, forbid_unknown_fields=True):
    text: str


class _Reaction(msgspec.Struct, forbid_unknown_fields=True):
    emoji: str | None


class _Start(msgspec.Struct, forbid_unknown_fields=True):
    payload: str = ""


class _Request(msgspec.Struct):
    """What a handler gets: the captured parts of the path, the query and the body."""

    path: dict[str, str]
    query: dict[str, list[str]]
    body: bytes

    def read(self, kind: type[T]) -> T:
        return msgspec.json.decode(self.body or b"{}", type=kind)

    def number(self, name: str, default: float) -> float:
        try:
            return float(self.query[name][0])
        except KeyError:
            return default
        except ValueError as error:
            raise SimulationError(f"`{name}` must be a number.") from error


class ControlApi:
    """Translates the table above into acts of `Phone` and `Network`."""

    def __init__(self, network: Network, *, faults: FaultPlan, limiter: RateLimiter) -> None:
        self._network = network
        self._faults = faults
        self._limiter = limiter
        self._groups = Groups(network)
        chat = "/people/{person}/chats/{chat}"
        message = chat + "/messages/{message}"
        self._routes = [
            _route("GET", "/state", self._state),
            _route("POST", "/bots", self._add_bot),
            _route("POST", "/people", self._add_person),
            _route("POST", "/groups", self._add_group),
            _route("PATCH", "/groups/{group}", self._rename),
            _route("POST", "/groups/{group}/upgrade", self._upgrade),
            _route("PUT", "/groups/{group}/people/{person}", self._join),
            _route("DELETE", "/groups/{group}/people/{person}", self._leave),
            _route("PUT", "/groups/{group}/bots/{person}", self._put_bot),
            _route("DELETE", "/groups/{group}/bots/{person}", self._remove_bot),
            _route("GET", chat, self._view),
            _route("POST", chat + "/messages", self._write),
            _route("PATCH", message, self._edit),
            _route("DELETE", message, self._delete),
            _route("PUT", message + "/reaction", self._react),
            _route("POST", chat + "/start", self._start),
            _route("PUT", chat + "/block", self._block),
            _route("DELETE", chat + "/block", self._unblock),
            _route("GET", "/faults", self._get_faults),
            _route("POST", "/faults", self._add_fault),
            _route("DELETE", "/faults", self._clear_faults),
            _route("PUT", "/limits", self._set_limits),
            _route("DELETE", "/limits", self._clear_limits),
        ]

    async def handle(self, method: str, path: str, query: str, body: bytes) -> tuple[int, Any]:
        """Return the HTTP status and the answer for a path below `/sim`."""
        for verb, pattern, handler in self._routes:
            match = pattern.fullmatch(path)
            if match is None or verb != method:
                continue
            request = _Request(path=match.groupdict(), query=parse_qs(query), body=body)
            return await _answer(handler, request)
        return 404, {"error": f"There is no {method} /sim{path}."}

    # -- who there is

    async def _state(self, request: _Request) -> Any:
        changes = self._network.changes
        wait = max(0.0, min(LONGEST_WAIT, request.number("wait", 0)))  # in this order for NaN
        since = request.number("since", -1)
        await changes.until(lambda: changes.version > since, within=wait)
        groups = [one for one in self._network.groups.values() if one.migrated_to is None]
        return {
            "version": changes.version,
            "bots": [bot.account for bot in self._network.bots.values()],
            "people": list(self._network.people.values()),
            "groups": [{"id": g.id, "title": g.title, "people": sorted(g.people)} for g in groups],
        }

    async def _add_bot(self, request: _Request) -> Any:
        new = request.read(_NewBot)
        bot = self._network.add_bot(new.username, first_name=new.first_name, token=new.token)
        return {"id": bot.account.id, "username": new.username, "token": bot.token}

    async def _add_person(self, request: _Request) -> Any:
        return self._network.add_person(**msgspec.structs.asdict(request.read(_NewPerson)))

    async def _add_group(self, request: _Request) -> Any:
        new = request.read(_NewGroup)
        group = self._network.add_group(new.title, new.people, bots=new.bots)
        return {"id": group.id, "title": group.title}

    # -- a group

    async def _rename(self, request: _Request) -> Any:
        self._groups.rename(int(request.path["group"]), request.read(_Title).title)

    async def _upgrade(self, request: _Request) -> Any:
        return {"id": self._groups.upgrade(int(request.path["group"]))}

    async def _join(self, request: _Request) -> Any:
        self._groups.join(int(request.path["group"]), int(request.path["person"]))

    async def _leave(self, request: _Request) -> Any:
        self._groups.leave(int(request.path["group"]), int(request.path["person"]))

    async def _put_bot(self, request: _Request) -> Any:
        self._groups.add_bot(int(request.path["group"]), int(request.path["person"]))

    async def _remove_bot(self, request: _Request) -> Any:
        self._groups.remove_bot(int(request.path["group"]), int(request.path["person"]))

    # -- a person's phone

    def _phone(self, request: _Request) -> tuple[Phone, int | None]:
        person = self._network.person(int(request.path["person"]))
        chat = request.path["chat"]
        return Phone(self._network, person), None if chat == "bot" else int(chat)

    async def _view(self, request: _Request) -> Any:
        phone, chat = self._phone(request)
        return phone.view(chat)

    async def _write(self, request: _Request) -> Any:
        phone, to = self._phone(request)
        new = request.read(_NewMessage)
        if new.location is not None:
            sent = phone.send_location(new.location, to=to, reply_to=new.reply_to)
        elif new.contact is not None:
            sent = phone.send_contact(new.contact, to=to, reply_to=new.reply_to)
        elif new.media is not None:
            media = msgspec.structs.asdict(new.media)
            sent = phone.send_media(**media, to=to, reply_to=new.reply_to)
        else:
            sent = phone.write(new.text or "", to=to, reply_to=new.reply_to)
        return {"message_id": sent}

    async def _edit(self, request: _Request) -> Any:
        phone, to = self._phone(request)
        phone.edit(int(request.path["message"]), request.read(_Text).text, to=to)

    async def _delete(self, request: _Request) -> Any:
        phone, to = self._phone(request)
        phone.delete(int(request.path["message"]), to=to)

    async def _react(self, request: _Request) -> Any:
        phone, to = self._phone(request)
        phone.react(int(request.path["message"]), request.read(_Reaction).emoji, to=to)

    async def _start(self, request: _Request) -> Any:
        phone, to = self._phone(request)
        return {"message_id": phone.start(request.read(_Start).payload, to=to)}

    async def _block(self, request: _Request) -> Any:
        phone, to = self._phone(request)
        phone.block(to)

    async def _unblock(self, request: _Request) -> Any:
        phone, to = self._phone(request)
        phone.unblock(to)

    # -- misbehaviour

    async def _get_faults(self, _: _Request) -> Any:
        return list(self._faults.rules)

    async def _add_fault(self, request: _Request) -> Any:
        self._faults.add(request.read(Fault))

    async def _clear_faults(self, _: _Request) -> Any:
        self._faults.clear()

    async def _set_limits(self, request: _Request) -> Any:
        self._limiter.limits = request.read(RateLimits)

    async def _clear_limits(self, _: _Request) -> Any:
        self._limiter.limits = NO_LIMITS


def _route(
    method: str, path: str, handler: Callable[[_Request], Awaitable[Any]]
) -> tuple[str, re.Pattern[str], Callable[[_Request], Awaitable[Any]]]:
    pattern = path.replace("{person}", r"(?P<person>\d{1,18})")
    pattern = pattern.replace("{group}", r"(?P<group>-\d{1,18})")
    pattern = pattern.replace("{chat}", r"(?P<chat>bot|-?\d{1,18})")
    pattern = pattern.replace("{message}", r"(?P<message>\d{1,18})")
    return method, re.compile(pattern, re.ASCII), handler


async def _answer(
    handler: Callable[[_Request], Awaitable[Any]], request: _Request
) -> tuple[int, Any]:
    try:
        result = await handler(request)
    except NoSuchParticipant as error:
        return 404, {"error": str(error)}
    except (SimulationError, msgspec.DecodeError, UnicodeError) as error:
        return 400, {"error": str(error)}
    return (200, {"ok": True}) if result is None else (200, result)
