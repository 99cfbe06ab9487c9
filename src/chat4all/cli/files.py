"""`chat4all file`: sending and fetching files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from chat4all.cli.api import Api
from chat4all.cli.bar import Bar
from chat4all.cli.connection import Credentials, as_person_of_server, person
from chat4all.cli.contacts import Json, Username
from chat4all.cli.download import download
from chat4all.cli.failure import INTERRUPTED, CommandFailed, reporting, run
from chat4all.cli.invocation import Invocation, invocation
from chat4all.cli.terminal import clean, print_json, say
from chat4all.cli.unfinished import Ids, Unfinished
from chat4all.cli.whom import find_place
from chat4all.client.transfer import sha256_of
from chat4all.client.upload import Upload, UploadLost, mime_type_of, shown_as
from chat4all.domain.files import MAX_FILE_BYTES

files = typer.Typer(help="Sending and fetching files.", no_args_is_help=True)

GO_ON = "chat4all: stopped; run the same command again to go on"

PUT_EXAMPLES = """Examples:

\b
  chat4all file put holiday.mp4 --to bia --username ana
  chat4all file put minutes.pdf --to "Hiking club" --caption "As agreed" --json
"""
GET_EXAMPLES = """Examples:

\b
  chat4all file get 0198... --username ana
  chat4all file get 0198... -o ~/Downloads
"""


@files.command("put", epilog=PUT_EXAMPLES)
def put(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The file to send.")
    ],
    to: Annotated[
        str, typer.Option(help="Conversation or person: its id, its name or their username.")
    ],
    caption: Annotated[str | None, typer.Option(help="Words to go with it.")] = None,
    username: Username = None,
    as_json: Json = False,
) -> None:
    """Send a file, up to 2 GiB.

    What breaks off is taken up again; after Ctrl-C or a failure the same command goes on
    where it was. Prints the message's id and the file's. Takes a server that runs.
    """
    with reporting():
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise CommandFailed(f"{path} has {size:,} bytes; a file has at most 2 GiB")
        who = person(username)
    with _hint(), Bar() as bar:
        sent, file = run(_put(invocation(context), who, path, size, to, caption, bar))
    if as_json:
        print_json({"message": sent, "file": file})
    else:
        say(f"{sent['message_id']} file {file['id']}")


@files.command("get", epilog=GET_EXAMPLES)
def get(
    context: typer.Context,
    file_id: Annotated[str, typer.Argument(help="Id of the file.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File or folder to save to; else its own name here."),
    ] = None,
    username: Username = None,
    as_json: Json = False,
) -> None:
    """Fetch a file.

    What breaks off is taken up again, from NAME.part; the file has its name once its
    checksum is right. Prints where it lies. Takes a server that runs.
    """
    with reporting():
        who = person(username)
    with _hint(), Bar() as bar:
        saved = run(_get(invocation(context), who, file_id, output, bar))
    if as_json:
        print_json({"file_id": file_id, "path": str(saved)})
    else:
        say(clean(str(saved)))


async def _put(
    where: Invocation,
    who: Credentials,
    path: Path,
    size: int,
    to: str,
    caption: str | None,
    bar: Bar,
) -> tuple[dict[str, Any], dict[str, Any]]:
    async with as_person_of_server(where, who) as api:
        conversation = await find_place(api, to)
        me = (await api.get("/v1/users/me"))["id"]
        checksum = await sha256_of(path, bar.phase("reading", size))
        announced = {
            "name": path.name,
            "size": size,
            "mime_type": mime_type_of(path),
            "checksum": checksum,
            "conversation_id": conversation,
        }
        unfinished = Unfinished(api.address, me, conversation, path.name, checksum, caption or "")
        for _ in range(2):
            ids = unfinished.ids()
            try:
                file = await _upload(api, path, announced, ids, bar)
                sent = await _show(api, file, conversation, caption, ids)
            except UploadLost:
                unfinished.forget()
            else:
                unfinished.forget()
                return sent, file
        raise CommandFailed("the server loses this upload again and again")


async def _upload(
    api: Api, path: Path, announced: dict[str, Any], ids: Ids, bar: Bar
) -> dict[str, Any]:
    """Return the file, ready. Raises `UploadLost`."""
    begun = await api.post("/v1/files/initiate", {**announced, "file_id": ids.file_id})
    size = announced["size"]
    upload = Upload(api, begun["upload_url"], path, size=size, chunk=begun["chunk_size"])
    await upload.send(bar.phase("uploading", size, done=await upload.offset()))
    bar.phase("completing", size, done=size)
    file: dict[str, Any] = await api.post(f"/v1/files/{ids.file_id}/complete", None)
    return file


async def _show(
    api: Api, file: dict[str, Any], conversation: str, caption: str | None, ids: Ids
) -> dict[str, Any]:
    payload = {
        "type": shown_as(file["mime_type"]),
        "file_id": file["id"],
        **({"caption": caption} if caption else {}),
    }
    sent: dict[str, Any] = await api.post(
        "/v1/messages",
        {"message_id": ids.message_id, "conversation_id": conversation, "payload": payload},
    )
    return sent


async def _get(
    where: Invocation, who: Credentials, file_id: str, output: Path | None, bar: Bar
) -> Path:
    async with as_person_of_server(where, who) as api:
        return await download(api, file_id, output, bar)


@contextmanager
def _hint() -> Iterator[None]:
    """Say how to go on after Ctrl-C."""
    try:
        yield
    except typer.Exit as ended:
        if ended.exit_code == INTERRUPTED:
            say(GO_ON, stderr=True)
        raise
