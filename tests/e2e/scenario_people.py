"""Who does the steps of the scenario, by each of the APIs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
from websockets.asyncio.client import ClientConnection

from chat4all.client import Client, MessageAdded, MessageEdited, Payload, StatusChanged
from chat4all.gateway.grpc.generated import file_service_pb2 as files
from chat4all.gateway.grpc.generated import message_pb2 as messages
from chat4all.gateway.grpc.generated import message_service_pb2 as service
from tests.e2e import grpc_client
from tests.e2e.account import PASSWORD, Account
from tests.e2e.channel_files import uploaded
from tests.e2e.scenario import Person, Seen
from tests.sdk.node_client import NodeClient
from tests.sdk.node_people import signed_in

Place = tuple[str, str, Path]
"""Where the server is by HTTP and by gRPC, and a folder that Node runs in."""
PersonAt = Callable[[Account, Place], AbstractAsyncContextManager[Person]]


@asynccontextmanager
async def following(events: AsyncIterator[Any]) -> AsyncIterator[None]:
    """Run what notes events until the block ends; its failure is that of the block."""

    async def follow() -> None:
        async for _ in events:
            pass

    async with asyncio.TaskGroup() as group:
        task = group.create_task(follow())
        yield
        task.cancel()


async def noted(seen: Seen, event: dict[str, Any]) -> None:
    """Note an event as the WebSocket tells it."""
    match event["type"]:
        case "message" | "edited":
            message = event["message"]
            about = {"seq": message["seq"], "file_id": message["payload"].get("file_id")}
            await seen.tell(event["type"], message["message_id"], **about)
        case "status":
            await seen.tell("status", event["message_id"], event["status"])


class RestPerson:
    """Asks by REST alone; what happens comes by `GET /v1/sync`."""

    def __init__(self, account: Account) -> None:
        self.seen = Seen()
        self._account = account

    async def send(self, talk: str, text: str, **more: Any) -> str:
        return await self._send(talk, {"type": "text", "text": text}, **more)

    async def edit(self, message_id: str, text: str) -> None:
        payload = {"type": "text", "text": text}
        await self._account.patch(f"messages/{message_id}", {"payload": payload})

    async def read(self, talk: str, up_to_seq: int) -> None:
        await self._account.post(f"conversations/{talk}/read", {"up_to_seq": up_to_seq})

    async def send_file(self, talk: str, path: Path, mime_type: str, caption: str) -> str:
        data = await asyncio.to_thread(path.read_bytes)
        file = await uploaded(self._account, talk, path.name, mime_type, data)
        return await self._send(talk, {"type": "document", "file_id": file, "caption": caption})

    async def fetch(self, file_id: str) -> bytes:
        answer = await self._account.ask("GET", f"/v1/files/{file_id}/content")
        return answer.raise_for_status().content

    async def _send(self, talk: str, payload: dict[str, Any], **more: Any) -> str:
        body = {"message_id": str(uuid4()), "conversation_id": talk, "payload": payload, **more}
        return str((await self._account.post("messages", body))["message_id"])

    async def events(self, cursor: str) -> AsyncIterator[None]:
        while True:
            page = await self._account.get("sync", cursor=cursor, wait=10)
            for event in page["items"]:
                await noted(self.seen, event)
                yield
            cursor = page["next"]


class SocketPerson(RestPerson):
    """Sends, edits, reads and is told by the WebSocket. It has no files: those go by REST."""

    def __init__(self, account: Account, socket: ClientConnection) -> None:
        super().__init__(account)
        self._socket = socket
        self._accepted: dict[str, asyncio.Future[str]] = {}

    async def edit(self, message_id: str, text: str) -> None:
        payload = {"type": "text", "text": text}
        await self._ask({"type": "edit", "message_id": message_id, "payload": payload})

    async def read(self, talk: str, up_to_seq: int) -> None:
        frame = {"type": "read", "conversation_id": talk, "up_to_seq": up_to_seq}
        await self._socket.send(json.dumps(frame))

    async def _send(self, talk: str, payload: dict[str, Any], **more: Any) -> str:
        message = {"message_id": str(uuid4()), "conversation_id": talk, "payload": payload, **more}
        return await self._ask({"type": "send", "message": message})

    async def _ask(self, frame: dict[str, Any]) -> str:
        request = uuid4().hex
        self._accepted[request] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"request_id": request, **frame}))
        return await self._accepted[request]

    async def frames(self) -> AsyncIterator[None]:
        async for text in self._socket:
            frame = json.loads(text)
            assert frame["type"] != "error", frame
            if frame["type"] in ("accepted", "done"):
                self._accepted.pop(frame["request_id"]).set_result(frame["message_id"])
            await noted(self.seen, frame)
            yield


class GrpcPerson:
    """Asks by gRPC alone."""

    def __init__(self, client: grpc_client.Client) -> None:
        self.seen = Seen()
        self._client = client

    async def send(self, talk: str, text: str, **more: Any) -> str:
        return await self._send(talk, _text(text), **more)

    async def edit(self, message_id: str, text: str) -> None:
        request = service.EditMessageRequest(message_id=message_id, payload=_text(text))
        await self._client.ask(request)

    async def read(self, talk: str, up_to_seq: int) -> None:
        await self._client.ask(service.MarkReadRequest(conversation_id=talk, up_to_seq=up_to_seq))

    async def send_file(self, talk: str, path: Path, mime_type: str, caption: str) -> str:
        data = await asyncio.to_thread(path.read_bytes)
        about = {"name": path.name, "mime_type": mime_type, "conversation_id": talk}
        checksum = f"sha256:{sha256(data).hexdigest()}"
        begun = await self._client.ask(
            files.StartUploadRequest(**about, size=len(data), checksum=checksum)
        )
        file_id = begun.upload.file_id
        position = files.UploadPosition(file_id=file_id, offset=0)
        parts = [
            files.UploadFileRequest(position=position),
            files.UploadFileRequest(chunk=data),
        ]
        await self._client.pour(parts, files.UploadFileRequest)
        await self._client.ask(files.CompleteUploadRequest(file_id=file_id))
        shown = messages.FilePayload(file_id=file_id, caption=caption)
        return await self._send(talk, messages.Payload(document=shown))

    async def fetch(self, file_id: str) -> bytes:
        parts = self._client.call(files.DownloadFileRequest(file_id=file_id))
        return b"".join([one.chunk async for one in parts])

    async def _send(
        self, talk: str, payload: messages.Payload, reply_to: str = "", metadata: Any = None
    ) -> str:
        message = messages.NewMessage(
            conversation_id=talk, message_id=str(uuid4()), payload=payload, reply_to=reply_to
        )
        message.metadata.update(metadata or {})
        return str((await self._client.ask(service.SendMessageRequest(message=message))).message_id)

    async def events(self, stream: Any) -> AsyncIterator[None]:
        while (event := await stream.read()) is not grpc.aio.EOF:
            kind = event.WhichOneof("event")
            if kind in ("message", "edited"):
                message = getattr(event, kind).message
                about = {"seq": message.seq, "file_id": message.payload.document.file_id}
                await self.seen.tell(kind, message.message_id, **about)
            elif kind == "status":
                status = messages.DeliveryStatus.Name(event.status.status)
                name = status.removeprefix("DELIVERY_STATUS_").lower()
                await self.seen.tell(kind, event.status.message_id, name)
            yield


def _text(words: str) -> messages.Payload:
    return messages.Payload(text=messages.TextPayload(text=words))


class PythonPerson:
    """Uses the Python client."""

    def __init__(self, client: Client, folder: Path) -> None:
        self.seen = Seen()
        self._client = client
        self._folder = folder

    async def send(self, talk: str, text: str, **more: Any) -> str:
        return (await self._client.send(talk, text, **more)).message_id

    async def edit(self, message_id: str, text: str) -> None:
        await self._client.edit(message_id, text)

    async def read(self, talk: str, up_to_seq: int) -> None:
        await self._client.mark_read(talk, up_to_seq)

    async def send_file(self, talk: str, path: Path, mime_type: str, caption: str) -> str:
        del mime_type  # it follows from the name
        return (await self._client.send_file(talk, path, caption=caption)).message_id

    async def fetch(self, file_id: str) -> bytes:
        copy = self._folder / uuid4().hex
        await self._client.download(file_id, copy)
        return copy.read_bytes()

    async def events(self, cursor: str) -> AsyncIterator[None]:
        async with aclosing(self._client.events(cursor)) as events:
            async for event in events:
                match event:
                    case MessageAdded(message=message) | MessageEdited(message=message):
                        kind = "message" if isinstance(event, MessageAdded) else "edited"
                        payload = message.payload or Payload(type="text")
                        about = {"seq": message.seq, "file_id": payload.file_id}
                        await self.seen.tell(kind, message.message_id, "", **about)
                    case StatusChanged():
                        await self.seen.tell("status", event.message_id, event.status)
                yield


class TypeScriptPerson:
    """Uses the TypeScript client."""

    def __init__(self, client: NodeClient, folder: Path) -> None:
        self.seen = Seen()
        self._client = client
        self._folder = folder

    async def send(self, talk: str, text: str, **more: Any) -> str:
        options = {"replyTo" if name == "reply_to" else name: more[name] for name in more}
        return str((await self._client.call("send", talk, text, options))["message_id"])

    async def edit(self, message_id: str, text: str) -> None:
        await self._client.call("edit", message_id, text)

    async def read(self, talk: str, up_to_seq: int) -> None:
        await self._client.call("markRead", talk, up_to_seq)

    async def send_file(self, talk: str, path: Path, mime_type: str, caption: str) -> str:
        options = {"type": mime_type, "caption": caption}
        return str((await self._client.call("sendFile", talk, str(path), options))["message_id"])

    async def fetch(self, file_id: str) -> bytes:
        copy = self._folder / uuid4().hex
        await self._client.call("pieces", file_id, str(copy))
        return copy.read_bytes()

    async def events(self) -> AsyncIterator[None]:
        while True:
            event = await self._client.told.get()
            await noted(self.seen, event)
            yield


@asynccontextmanager
async def by_rest(account: Account, _: Place) -> AsyncIterator[Person]:
    person = RestPerson(account)
    async with following(person.events((await account.get("sync"))["next"])):
        yield person


@asynccontextmanager
async def by_websocket(account: Account, _: Place) -> AsyncIterator[Person]:
    async with account.socket() as socket:
        person = SocketPerson(account, socket)
        async with following(person.frames()):
            yield person


@asynccontextmanager
async def by_grpc(account: Account, place: Place) -> AsyncIterator[Person]:
    async with grpc_client.Client.at(place[1], account.token) as client:
        person = GrpcPerson(client)
        stream = client.call(service.StreamMessagesRequest())
        await stream.read()  # `ready`: it is told what happens from now on
        async with following(person.events(stream)):
            yield person


@asynccontextmanager
async def by_python(account: Account, place: Place) -> AsyncIterator[Person]:
    async with Client.sign_in(place[0], account.username, PASSWORD) as client:
        person = PythonPerson(client, place[2])
        async with following(person.events(await client.cursor())):
            yield person


@asynccontextmanager
async def by_typescript(account: Account, place: Place) -> AsyncIterator[Person]:
    async with signed_in(place[0], place[2], account.username) as client:
        person = TypeScriptPerson(client, place[2])
        client.begun("follow", {"cursor": await client.call("cursor")})
        async with following(person.events()):
            yield person


APIS: dict[str, PersonAt] = {
    "rest": by_rest,
    "websocket": by_websocket,
    "grpc": by_grpc,
    "python": by_python,
    "typescript": by_typescript,
}
