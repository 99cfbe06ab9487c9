"""The simulated phones of the caller's mock contacts."""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, Response, get, patch, post
from litestar.params import JSONBody, PathParameter, QueryParameter
from msgspec import UnsetType

from chat4all.domain.errors import ChannelNotFound
from chat4all.domain.ids import UserId
from chat4all.gateway.rest.bearer import SENDING, Caller
from chat4all.gateway.rest.deps import Deps, RestDeps
from chat4all.gateway.rest.file_response import HEADERS, disposition
from chat4all.gateway.rest.request import ApiRequest, check_media_type
from chat4all.gateway.rest.schemas.files import MIME_TYPE
from chat4all.gateway.rest.schemas.phones import (
    PhoneBubble,
    PhoneChange,
    PhoneLine,
    PhoneLines,
    PhoneScreen,
    WrittenText,
)
from chat4all.gateway.rest.schemas.text import PathText
from chat4all.ports.phones import Phone, PhoneNetwork
from chat4all.services.file_names import MAX_NAME, clean_name

PhoneId = Annotated[
    str,
    PathParameter(
        min_length=1,
        max_length=200,
        pattern=PathText,
        description="The phone's id on the platform.",
    ),
]
BYTES = "application/octet-stream"
MAX_FILE = 16 * 1024**2
FileName = Annotated[
    str,
    QueryParameter(
        name="name", min_length=1, max_length=MAX_NAME, description="The name of the file."
    ),
]
FileType = Annotated[
    str,
    QueryParameter(
        name="mime_type",
        pattern=f"^{MIME_TYPE}\\Z",
        max_length=129,
        description="Its media type, which decides whether it is a picture, a film, a sound.",
    ),
]
Caption = Annotated[
    str | None,
    QueryParameter(
        name="caption",
        min_length=1,
        max_length=1_024,
        pattern="^[^\\u0000]*\\Z",
        description="What goes with it.",
    ),
]
ReplyTo = Annotated[
    str | None,
    QueryParameter(
        name="reply_to",
        min_length=1,
        max_length=200,
        pattern="^[^\\u0000]*\\Z",
        description="The message it answers.",
    ),
]
MessageOnPhone = Annotated[
    str,
    PathParameter(
        min_length=1, max_length=200, pattern=PathText, description="The id of the message there."
    ),
]


class Phones(Controller):
    """`/v1/mock/phones`."""

    path = "/v1/mock/phones"
    tags = ("Mock phones",)
    opt = SENDING

    @get("/", operation_id="listPhones")
    async def list(self, deps: Deps, caller: Caller) -> PhoneLines:
        """Return the phones of one's contacts."""
        if deps.phones is None:
            return PhoneLines(items=[])
        found = await deps.phones.phones(caller.user_id)
        return PhoneLines(items=[PhoneLine.of(one) for one in found])

    @get("/{external_id:str}", operation_id="getPhone")
    async def screen(self, external_id: PhoneId, deps: Deps, caller: Caller) -> PhoneScreen:
        """Return what is on a phone's screen."""
        network, _ = await _own(deps, caller.user_id, external_id)
        return PhoneScreen.of(await network.phone(external_id))

    @patch("/{external_id:str}", operation_id="changePhone")
    async def change(
        self, external_id: PhoneId, data: JSONBody[PhoneChange], deps: Deps, caller: Caller
    ) -> PhoneScreen:
        """Switch a phone on or off, or let it refuse what is sent to it."""
        network, phone = await _own(deps, caller.user_id, external_id)
        await network.configure(
            external_id,
            online=phone.online if isinstance(data.online, UnsetType) else data.online,
            fail=phone.fail if isinstance(data.fail, UnsetType) else data.fail,
        )
        return PhoneScreen.of(await network.phone(external_id))

    @post("/{external_id:str}/messages", operation_id="writeOnPhone")
    async def write(
        self, external_id: PhoneId, data: JSONBody[WrittenText], deps: Deps, caller: Caller
    ) -> PhoneBubble:
        """Write as the person with the phone."""
        network, _ = await _own(deps, caller.user_id, external_id)
        return PhoneBubble.of(await network.write(external_id, data.text, data.reply_to))

    @post(
        "/{external_id:str}/files",
        operation_id="sendFileFromPhone",
        body_type=BYTES,
        request_max_body_size=MAX_FILE,
        problems=(413, 415),
    )
    async def send_file(
        self,
        request: ApiRequest,
        external_id: PhoneId,
        deps: Deps,
        caller: Caller,
        name: FileName,
        mime_type: FileType,
        caption: Caption = None,
        reply_to: ReplyTo = None,
    ) -> PhoneBubble:
        """Send a file as the person with the phone; the body is its bytes, at most 16 MiB."""
        network, _ = await _own(deps, caller.user_id, external_id)
        check_media_type(request, BYTES)
        sent = await network.send_file(
            external_id,
            await request.body(),
            name=clean_name(name),
            mime_type=mime_type.lower(),
            caption=caption,
            reply_to=reply_to,
        )
        return PhoneBubble.of(sent)

    @get(
        "/{external_id:str}/messages/{message_id:str}/file",
        operation_id="readFileOnPhone",
        produces="*/*",
        bytes=True,
        problems=(410,),
    )
    async def read_file(
        self, external_id: PhoneId, message_id: MessageOnPhone, deps: Deps, caller: Caller
    ) -> Response[bytes]:
        """Return the bytes of the file of a message on a phone."""
        network, _ = await _own(deps, caller.user_id, external_id)
        file, data = await network.file_of(external_id, message_id)
        shown = {"Content-Disposition": disposition(file.name, file.mime_type)}
        headers = {**HEADERS, **shown, "Accept-Ranges": "none"}
        return Response(data, headers=headers, media_type=file.mime_type)

    @post("/{external_id:str}/read", operation_id="readOnPhone", status_code=204)
    async def read(self, external_id: PhoneId, deps: Deps, caller: Caller) -> None:
        """Read everything as the person with the phone."""
        network, _ = await _own(deps, caller.user_id, external_id)
        await network.read_all(external_id)


async def _own(deps: RestDeps, caller: UserId, external_id: str) -> tuple[PhoneNetwork, Phone]:
    """Return the network and the caller's phone. Raises `ChannelNotFound` for another's."""
    if deps.phones is not None:
        for phone in await deps.phones.phones(caller):
            if phone.external_id == external_id:
                return deps.phones, phone
    raise ChannelNotFound("no such phone among those of your contacts")
