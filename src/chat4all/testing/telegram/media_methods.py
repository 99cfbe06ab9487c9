"""The Bot API methods about files.

https://core.telegram.org/bots/api#sendphoto and after. A file is uploaded, or named by the
id of one that is there already; Telegram fetches none from an address here.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from chat4all.testing.telegram.errors import bad_request
from chat4all.testing.telegram.files import DEFAULT_TYPES
from chat4all.testing.telegram.formatting import media_content

if TYPE_CHECKING:
    from collections.abc import Callable

    from chat4all.testing.telegram.files import Media
    from chat4all.testing.telegram.messages import Call
    from chat4all.testing.telegram.model import Content, Json

FEWEST, MOST = 2, 10
"""Files of one album."""
_IN_ALBUMS = frozenset({"photo", "video", "audio", "document"})


def send_media(call: Call, *, kind: str) -> Json:
    """Send one file, named by the field `kind`, with its caption."""
    call.writable_chat()  # asked before a large file is kept
    media = _file(call, kind, call.parameters.string(kind), field=kind)
    content = media_content(
        media,
        call.parameters.string("caption"),
        parse_mode=call.parameters.string("parse_mode"),
    )
    return call.post(content)


def send_media_group(call: Call) -> list[Json]:
    """https://core.telegram.org/bots/api#sendmediagroup."""
    items = call.parameters.json("media")
    if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
        raise bad_request("can't parse media JSON object")
    if not FEWEST <= len(items) <= MOST:
        raise bad_request("wrong number of messages in the album; it must be 2-10")
    album = call.network.new_album()
    contents = [_item(call, item, album) for item in items]
    return [call.post(content) for content in contents]


def edit_message_caption(call: Call) -> Json:
    """https://core.telegram.org/bots/api#editmessagecaption."""
    chat = call.writable_chat()
    message = call.message(chat, "message to edit")
    if message.sender.id != call.bot.account.id:
        raise bad_request("message can't be edited")
    if message.content.media is None:
        raise bad_request("there is no caption in the message to edit")
    content = media_content(
        message.content.media,
        call.parameters.string("caption"),
        parse_mode=call.parameters.string("parse_mode"),
        album=message.content.album,
    )
    return call.change(chat, message, content)


def get_file(call: Call) -> Json:
    """https://core.telegram.org/bots/api#getfile."""
    files = call.network.files
    media = files.known(call.parameters.required("file_id"))
    return {
        "file_id": media.file_id,
        "file_unique_id": media.unique_id,
        "file_size": media.size,
        "file_path": files.path(media),
    }


def _item(call: Call, item: Json, album: str) -> Content:
    kind = str(item.get("type"))
    if kind not in _IN_ALBUMS:
        raise bad_request("can't parse InputMedia: type must be one of photo, video, audio ...")
    media = _file(call, kind, str(item.get("media", "")), field="")
    return media_content(
        media,
        str(item.get("caption") or ""),
        parse_mode=str(item.get("parse_mode") or ""),
        album=album,
    )


def _file(call: Call, kind: str, named: str, *, field: str) -> Media:
    uploads = call.parameters.uploads
    part = uploads.get(named.removeprefix("attach://") if named.startswith("attach://") else field)
    if part is not None:
        return call.network.files.keep_upload(kind, part.data, name=part.filename)
    if not named:
        raise bad_request(f"there is no {kind} in the request")
    if named.startswith(("http://", "https://")):
        raise bad_request("failed to get HTTP URL content")
    media = call.network.files.known(named)
    if media.kind != kind:
        raise bad_request(f"can't use file of type {media.kind.title()} as {kind.title()}")
    return media


MEDIA_METHODS: dict[str, Callable[[Call], Any]] = {
    "sendmediagroup": send_media_group,
    "editmessagecaption": edit_message_caption,
    "getfile": get_file,
    **{f"send{kind.replace('_', '')}": partial(send_media, kind=kind) for kind in DEFAULT_TYPES},
}
