"""One person, or one program, at one server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import msgspec

from chat4all.client.address_book import AddressBook
from chat4all.client.api_key import ApiKey
from chat4all.client.connection import PATIENCE, Connection, http_client
from chat4all.client.download import Wanted, fetch
from chat4all.client.errors import NotPermitted, refused
from chat4all.client.events import KINDS, Event, decode_event
from chat4all.client.objects import (
    Conversation,
    File,
    Message,
    MessageStatus,
    Payload,
    Scheduled,
    Sent,
    User,
)
from chat4all.client.pages import paged
from chat4all.client.tokens import Tokens
from chat4all.client.transfer import sha256_of
from chat4all.client.upload import Upload, UploadLost, mime_type_of, shown_as
from chat4all.domain.ids import new_id

T = TypeVar("T")

Progress = Callable[[int, int], None]
"""Is told how many bytes the server has, and of how many."""
MOST_PER_PAGE = 200
CHECKING = 600.0
"""Seconds that the server may take to look through 2 GiB."""


class _Begun(msgspec.Struct, frozen=True):
    file_id: str
    upload_url: str
    chunk_size: int


class _Now(msgspec.Struct, frozen=True):
    next: str


class Client:
    """What a person or a program can do; made by `sign_in` and `with_api_key`.

    Every method raises `Refused` when the server says no, and `NotReached` when no answer
    came in the client's `patience`. Ids are UUIDs.
    """

    def __init__(self, connection: Connection, user: User | NotPermitted) -> None:
        self._connection = connection
        self._user = user
        self.contacts = AddressBook(connection)

    @property
    def user(self) -> User:
        """Who is signed in. Raises `NotPermitted` for an API key that is not good for `read`."""
        if isinstance(self._user, NotPermitted):
            raise self._user
        return self._user

    @classmethod
    @asynccontextmanager
    async def sign_in(
        cls, url: str, username: str, password: str, *, patience: float = PATIENCE
    ) -> AsyncIterator[Self]:
        """Sign in until the block ends; the sign-in ends with it.

        `patience` is how many seconds one call may take with all its repeats.
        """
        async with http_client(url) as http:
            tokens = Tokens(http, username, password)
            connection = Connection(http, tokens, patience)
            try:
                yield cls(connection, await _who(connection))
            finally:
                with suppress(httpx.TransportError):
                    await tokens.leave()

    @classmethod
    @asynccontextmanager
    async def with_api_key(
        cls, url: str, key: str, *, on_behalf_of: str | None = None, patience: float = PATIENCE
    ) -> AsyncIterator[Self]:
        """Be the service account of an API key, or act as a user who allowed it.

        `on_behalf_of` is that user's id. Raises `Unauthenticated`, also later: once the key is
        revoked or has expired; `NotPermitted` for what it is not good for.
        """
        async with http_client(url, on_behalf_of=on_behalf_of) as http:
            connection = Connection(http, ApiKey(key), patience)
            user: User | NotPermitted
            try:
                user = await _who(connection)
            except NotPermitted as error:
                if error.code != "insufficient_scope":
                    raise
                user = error  # one that only sends need not read
            yield cls(connection, user)

    async def send(
        self,
        conversation_id: str,
        what: str | Payload,
        *,
        message_id: str | None = None,
        to: Sequence[str] | None = None,
        channels: Sequence[str] | None = None,
        reply_to: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Sent:
        """Send a text, or another payload; return once the server has it for good.

        It is sent again until there is an answer, and is one message all the same: the
        client gives it its `message_id`, or the caller does, who wants to send it again in
        another process. `to` names some of the members, `channels` are an order of
        preference. Raises `Conflict` when the id has another message.
        """
        optional = {"to": to, "channels": channels, "reply_to": reply_to, "metadata": metadata}
        body = {
            "message_id": message_id or new_id(),
            "conversation_id": conversation_id,
            "payload": Payload(type="text", text=what) if isinstance(what, str) else what,
            **{name: value for name, value in optional.items() if value is not None},
        }
        return await self._post("/v1/messages", body, Sent)

    async def send_later(
        self,
        conversation_id: str,
        what: str | Payload,
        at: datetime,
        *,
        time_zone: str | None = None,
        message_id: str | None = None,
    ) -> Scheduled:
        """Have a text, or another payload, sent at a time; repeated like `send`.

        An `at` without a zone of its own is the time on a clock in `time_zone`, a name of IANA.
        Raises `Invalid` for a time that is past or more than a year ahead.
        """
        body = {
            "message_id": message_id or new_id(),
            "conversation_id": conversation_id,
            "payload": Payload(type="text", text=what) if isinstance(what, str) else what,
            "send_at": at.isoformat(),
            "time_zone": time_zone,
        }
        return await self._post("/v1/scheduled-messages", body, Scheduled)

    async def scheduled(self, *, state: str = "scheduled") -> AsyncIterator[Scheduled]:
        """Yield one's own scheduled messages in a state, by their time."""
        path = "/v1/scheduled-messages"
        async for one in self._items(path, Scheduled, state=state, limit=100):
            yield one

    async def edit_scheduled(
        self,
        message_id: str,
        what: str | Payload | None = None,
        *,
        at: datetime | None = None,
        time_zone: str | None = None,
    ) -> Scheduled:
        """Give a message that waits another content or time; return it.

        An `at` without a zone of its own is the time on a clock in `time_zone`, or in the zone
        that the message has. Raises `Conflict` when it is too late.
        """
        body: dict[str, Any] = {}
        if what is not None:
            body["payload"] = Payload(type="text", text=what) if isinstance(what, str) else what
        if at is not None:
            body["send_at"] = at.isoformat()
        if time_zone is not None:
            body["time_zone"] = time_zone
        path = f"/v1/scheduled-messages/{message_id}"
        answer = await self._connection.call("PATCH", path, body)
        return msgspec.json.decode(answer, type=Scheduled)

    async def cancel(self, message_id: str) -> None:
        """Have a scheduled message not sent. Raises `Conflict` when it is too late."""
        await self._connection.call("DELETE", f"/v1/scheduled-messages/{message_id}")

    async def edit(self, message_id: str, what: str | Payload) -> Message:
        """Give one's own message new content of the same kind; return it."""
        payload = Payload(type="text", text=what) if isinstance(what, str) else what
        path, body = f"/v1/messages/{message_id}", {"payload": payload}
        answer = await self._connection.call("PATCH", path, body)
        return msgspec.json.decode(answer, type=Message)

    async def message(self, message_id: str) -> Message:
        """Return a message."""
        return await self._get(f"/v1/messages/{message_id}", Message)

    async def status(self, message_id: str) -> MessageStatus:
        """Return how far a message has come with each recipient."""
        return await self._get(f"/v1/messages/{message_id}/status", MessageStatus)

    async def history(self, conversation_id: str, *, after_seq: int = 0) -> AsyncIterator[Message]:
        """Yield the messages after a number, in order, page by page, to the last one."""
        path = f"/v1/conversations/{conversation_id}/messages"
        async for message in self._items(path, Message, after_seq=after_seq, limit=MOST_PER_PAGE):
            yield message

    async def cursor(self) -> str:
        """Return where `events` stands now: with it they begin with what happens next."""
        return (await self._get("/v1/sync", _Now)).next

    async def events(
        self, cursor: str | None = None, *, patience: float | None = None
    ) -> AsyncGenerator[Event, None]:
        """Yield what happens after `cursor`, or from now on, for as long as one asks.

        A lost connection is taken up again where it was lost: each event is told once and in
        order, also over a restart of the server. `patience` bounds the seconds without a
        connection. To go on in another process keep the `cursor` of the last event; of a
        `StatusChanged` some may then come again. Leave it by `contextlib.aclosing` to close
        the connection at once.
        """
        from chat4all.client.live import Live  # noqa: PLC0415 - who only sends needs no WebSocket

        live = Live(self._connection, cursor, patience=patience)
        async with aclosing(live.frames()) as frames:
            async for frame in frames:
                if frame.type in KINDS:
                    event = decode_event(frame.text)
                    kept = frame.cursor is not None
                    yield msgspec.structs.replace(event, cursor=live.cursor) if kept else event

    async def conversations(self) -> AsyncIterator[Conversation]:
        """Yield one's conversations, the last created first."""
        async for conversation in self._items("/v1/conversations", Conversation, limit=100):
            yield conversation

    async def private_chat(self, user_id: str) -> Conversation:
        """Return the conversation with somebody, started if there is none."""
        body = {"type": "private", "member_ids": [user_id]}
        return await self._post("/v1/conversations", body, Conversation)

    async def find_users(self, words: str) -> AsyncIterator[User]:
        """Yield those who have `words` in their name or username."""
        async for user in self._items("/v1/users", User, query=words, limit=100):
            yield user

    async def mark_read(self, conversation_id: str, up_to_seq: int) -> None:
        """Say that all up to a number was read."""
        path = f"/v1/conversations/{conversation_id}/read"
        await self._connection.call("POST", path, {"up_to_seq": up_to_seq}, repeatable=True)

    async def upload(
        self,
        conversation_id: str,
        path: Path,
        *,
        file_id: str | None = None,
        progress: Progress = lambda _sent, _size: None,
    ) -> File:
        """Upload a file of up to 2 GiB for a conversation; return it once it is ready.

        What breaks off is taken up again where it was, for 120 seconds without progress;
        with a `file_id` of the caller's also by another process. Raises `UploadLost` when the
        server no longer has it, `FileChanged`.
        """
        size = (await asyncio.to_thread(path.stat)).st_size
        announced = {
            "name": path.name,
            "size": size,
            "mime_type": mime_type_of(path),
            "checksum": await sha256_of(path, lambda _: None),
            "conversation_id": conversation_id,
        }
        if file_id is None:
            with suppress(UploadLost):
                return await self._upload(path, {**announced, "file_id": new_id()}, progress)
        return await self._upload(path, {**announced, "file_id": file_id or new_id()}, progress)

    async def send_file(
        self,
        conversation_id: str,
        path: Path,
        *,
        caption: str | None = None,
        progress: Progress = lambda _sent, _size: None,
    ) -> Sent:
        """Upload a file and send the message that shows it."""
        file = await self.upload(conversation_id, path, progress=progress)
        shown = Payload(type=shown_as(file.mime_type), file_id=file.id, caption=caption)
        return await self.send(conversation_id, shown)

    async def file(self, file_id: str) -> File:
        """Return what is known of a file; its bytes can be fetched when it is `ready`."""
        return await self._get(f"/v1/files/{file_id}", File)

    async def download(
        self, file_id: str, target: Path, *, progress: Progress = lambda _sent, _size: None
    ) -> File:
        """Fetch a file to `target`, which is there once its checksum was found to be right.

        What breaks off is taken up again, from `<target>.part`, also by another process.
        Raises `Conflict` for one that is not ready, `Damaged`.
        """
        file = await self.file(file_id)
        if file.state != "ready":
            detail = f"the file has no bytes to read: it is {file.state}"
            raise refused(HTTPStatus.CONFLICT, detail, "file_not_ready")
        wanted = Wanted(file.id, size=file.size, checksum=file.checksum or "")
        await fetch(
            self._connection,
            wanted,
            target,
            lambda phase: (
                (lambda at: progress(at, file.size)) if phase == "downloading" else lambda _: None
            ),
        )
        return file

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, str | int] | None = None,
        repeatable: bool | None = None,
    ) -> Any:
        """Make any other call of the REST API; return its answer as JSON is read.

        GET, PUT and DELETE are asked again like everything here; a POST or PATCH only if it
        is said to be `repeatable`.
        """
        answer = await self._connection.call(
            method, path, body, params=params, repeatable=repeatable
        )
        return msgspec.json.decode(answer) if answer else None

    async def _upload(self, path: Path, announced: dict[str, Any], progress: Progress) -> File:
        begun = await self._post("/v1/files/initiate", announced, _Begun)
        size = announced["size"]
        upload = Upload(self._connection, begun.upload_url, path, size=size, chunk=begun.chunk_size)
        await upload.send(lambda sent: progress(sent, size))
        path_done = f"/v1/files/{begun.file_id}/complete"
        answer = await self._connection.call("POST", path_done, repeatable=True, patience=CHECKING)
        return msgspec.json.decode(answer, type=File)

    async def _get(self, path: str, type_: type[T]) -> T:
        return msgspec.json.decode(await self._connection.call("GET", path), type=type_)

    async def _post(self, path: str, body: Any, type_: type[T]) -> T:
        """Post what has no second effect when it comes again."""
        answer = await self._connection.call("POST", path, body, repeatable=True)
        return msgspec.json.decode(answer, type=type_)

    async def _items(self, path: str, type_: type[T], **params: str | int) -> AsyncIterator[T]:
        async for item in paged(self._connection, path, type_, **params):
            yield item


async def _who(connection: Connection) -> User:
    return msgspec.json.decode(await connection.call("GET", "/v1/users/me"), type=User)
