"""Messages with files on their way out: as they are, as documents, as links, or named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.delivery import DeliveryKind
from chat4all.domain.errors import ChannelError, FileGone, Unavailable
from chat4all.domain.files import File, FileState
from chat4all.domain.ids import ConversationId, FileId, UserId
from chat4all.domain.outgoing import FileRef, Outgoing, Sent
from chat4all.domain.payload import MEDIA, Payload, PayloadType, text
from chat4all.domain.status import Status
from chat4all.router.degrade import fit, fit_edit
from chat4all.router.enclosures import Enclosed, Enclosures
from chat4all.testing.paper import PAPER_ACCOUNT, PaperConnector
from tests.unit.router.test_delivery import SOON, Desk, until

MEGABYTE = 1024**2
PICTURE = FileId("f1")
PAPER = Capabilities(
    payloads=frozenset(PayloadType),
    max_text=200,
    max_caption=20,
    uncaptioned=frozenset({PayloadType.AUDIO}),
    max_file_bytes={
        PayloadType.IMAGE: 5 * MEGABYTE,
        PayloadType.VIDEO: 16 * MEGABYTE,
        PayloadType.AUDIO: 16 * MEGABYTE,
        PayloadType.DOCUMENT: 100 * MEGABYTE,
    },
    media_types={PayloadType.IMAGE: frozenset({"image/png"})},
    edits=True,
    deletes=True,
    reactions=True,
)
PLAIN = Capabilities(payloads=frozenset({PayloadType.TEXT}), max_text=200)


async def nothing() -> AsyncIterator[bytes]:
    yield b""


def ref(size: int = 1000, mime_type: str = "image/png", name: str = "sea.png") -> FileRef:
    url = "https://x.example/f1?signature=s"
    return FileRef(name=name, mime_type=mime_type, size=size, url=url, read=nothing)


def picture(caption: str | None = None) -> Payload:
    return Payload(type=PayloadType.IMAGE, file_id=PICTURE, caption=caption)


class Shelf:
    """Files by id; `data` is what reading gives, an error for one that cannot be read."""

    def __init__(self) -> None:
        self.files: dict[FileId, File] = {}
        self.data: Mapping[FileId, bytes | Exception] = {}

    def put(self, state: FileState, *, size: int = 3, data: bytes | Exception = b"sea") -> None:
        self.files[PICTURE] = File(
            id=PICTURE,
            owner_id=UserId("ana"),
            conversation_id=ConversationId("c"),
            name="sea.png",
            size=size,
            mime_type="image/png",
            state=state,
            created_at=datetime.now(UTC),
            reason="Telegram has the file no longer" if state is FileState.FAILED else None,
        )
        self.data = {PICTURE: data}

    async def get(self, file_id: FileId) -> File | None:
        return self.files.get(file_id)

    def ref(self, file: File, *, link_for: timedelta) -> FileRef:
        async def read() -> AsyncIterator[bytes]:
            data = self.data[file.id]
            if isinstance(data, Exception):
                yield b"s"
                raise data
            yield data

        return replace(ref(file.size, file.mime_type, file.name), url=f"{link_for}", read=read)


class NetworkPaper(PaperConnector):
    """Takes whatever ends an upload for the network's fault, as HTTP clients do."""

    async def send_file(self, message: Outgoing, file: FileRef) -> Sent:
        try:
            return await super().send_file(message, file)
        except (FileGone, Unavailable):
            raise ChannelError("cut", retry=True, reason="network") from None


class FileDesk(Desk):
    def __init__(self, capabilities: Capabilities = PAPER) -> None:
        super().__init__()
        self.paper = NetworkPaper()
        self.accounts[PAPER_ACCOUNT] = self.paper
        self.paper.capabilities = capabilities  # type: ignore[misc] # a paper of this desk's own
        self.shelf = Shelf()
        self.enclosures = Enclosures(self.shelf, link_for=timedelta(days=7), patience=30.0)


def test_a_file_that_fits_goes_as_it_is() -> None:
    fitted = fit(picture("Mar"), PAPER, file=Enclosed(ref=ref()))
    assert (fitted.parts, fitted.note) == ((picture("Mar"),), None)


@pytest.mark.parametrize(
    ("size", "mime_type", "note"),
    [
        (6 * MEGABYTE, "image/png", "sent as a document: 6 MB is over 5 MB"),
        (5 * MEGABYTE + 1, "image/png", "sent as a document: 5.1 MB is over 5 MB"),
        (9, "image/heic", "sent as a document: image/heic is not carried as image"),
    ],
)
def test_what_is_no_picture_there_goes_as_a_document(size: int, mime_type: str, note: str) -> None:
    fitted = fit(picture("Mar"), PAPER, file=Enclosed(ref=ref(size, mime_type)))
    [part] = fitted.parts
    assert (part.type, part.caption, part.file_id) == (PayloadType.DOCUMENT, "Mar", PICTURE)
    assert fitted.note == note


def test_a_file_over_every_limit_becomes_a_link() -> None:
    large = ref(120 * MEGABYTE, name="film.mkv")
    fitted = fit(picture("Mar"), PAPER, prefix="Ana: ", file=Enclosed(ref=large))
    assert fitted.note == "file sent as a link: 120 MB is over 100 MB"
    assert fitted.parts == (text(f"Ana: film.mkv (120 MB)\n{large.url}\nMar"),)


def test_a_channel_without_files_gets_a_link() -> None:
    fitted = fit(picture(), PLAIN, file=Enclosed(ref=ref()))
    assert fitted.note == "file sent as a link: image is not carried"
    assert fitted.parts == (text(f"sea.png (1 KB)\n{ref().url}"),)


def test_a_file_that_cannot_be_had_is_named_with_the_reason() -> None:
    for channel in (PAPER, PLAIN):
        fitted = fit(picture("Mar"), channel, prefix="Ana: ", file=Enclosed(reason="it is gone"))
        assert fitted.parts == (text("Ana: [image: it is gone]\nMar"),)
        assert fitted.note == "image sent as text"


def test_a_long_caption_follows_as_a_text() -> None:
    words = "a caption of more than twenty characters"
    fitted = fit(picture(words), PAPER, prefix="Ana: ", file=Enclosed(ref=ref()))
    assert fitted.parts == (picture(), text(f"Ana: {words}"))
    assert fitted.note == "caption sent as a text of its own"


def test_what_has_no_captions_gets_them_as_texts() -> None:
    sound = Payload(type=PayloadType.AUDIO, file_id=PICTURE, caption="Mar")
    fitted = fit(sound, PAPER, file=Enclosed(ref=ref(mime_type="audio/ogg")))
    assert fitted.parts == (replace(sound, caption=None), text("Mar"))
    fitted = fit(replace(sound, caption=None), PAPER, prefix="Ana: ", file=Enclosed(ref=ref()))
    assert fitted.parts == (text("Ana:"), replace(sound, caption=None))


def test_an_edited_caption_is_cut_to_its_room() -> None:
    edited = fit_edit(picture("a caption of more than 20"), PAPER, file=Enclosed(ref=ref()))
    assert edited.caption == "a caption of more t…"
    assert fit_edit(picture("Mar"), PAPER, file=Enclosed(ref=ref())) == picture("Mar")


@given(
    st.sampled_from(sorted(MEDIA)),
    st.integers(1, 2 * 1024 * MEGABYTE),
    st.text(st.characters(codec="utf-8"), max_size=300),
    st.sampled_from(["", "Ana: "]),
)
def test_no_part_is_over_a_limit_and_one_has_the_file_or_its_link(
    kind: PayloadType, size: int, caption: str, prefix: str
) -> None:
    payload = Payload(type=kind, file_id=PICTURE, caption=caption or None)
    file = ref(size)
    for channel in (PAPER, PLAIN):
        parts = fit(payload, channel, prefix=prefix, file=Enclosed(ref=file)).parts
        media = [part for part in parts if part.type in MEDIA]
        texts = [part.text or "" for part in parts if part.type is PayloadType.TEXT]
        assert all(len(words) <= channel.max_text for words in texts)
        assert len(media) + sum(file.url in words for words in texts) >= 1
        for part in media:
            assert size <= channel.max_file_bytes[part.type]
            assert len(part.caption or "") <= channel.caption_of(part.type)


async def test_a_file_is_carried_with_its_bytes() -> None:
    desk = FileDesk()
    desk.shelf.put(FileState.READY)
    async with desk.working(desk.worker(enclosures=desk.enclosures)):
        await desk.put(picture("Mar"))
        await desk.done()
    assert desk.paper.files == [b"sea"]
    assert [one.payload for one in desk.paper.sent] == [picture("Mar")]
    [report] = await desk.reports()
    assert (report.status, report.note) == (Status.SENT, None)


async def test_a_link_works_as_long_as_it_was_asked_to_and_the_history_says_so() -> None:
    desk = FileDesk()
    desk.shelf.put(FileState.READY, size=120 * MEGABYTE)
    async with desk.working(desk.worker(enclosures=desk.enclosures)):
        await desk.put(picture())
        await desk.done()
    assert desk.paper.texts("a") == ["sea.png (120 MB)\n7 days, 0:00:00"]
    [report] = await desk.reports()
    assert report.note == "file sent as a link: 120 MB is over 100 MB"


async def test_a_file_that_still_comes_is_waited_for_in_order_and_costs_no_attempt() -> None:
    desk = FileDesk()
    desk.shelf.put(FileState.RECEIVING)
    policy = replace(SOON, attempts=1)
    async with desk.working(desk.worker(policy, enclosures=desk.enclosures)):
        await desk.put(picture())
        await desk.put("after")
        await desk.put("elsewhere", address="b")
        await until(lambda: desk.paper.texts("b") == ["elsewhere"])
        assert desk.paper.texts("a") == []
        desk.shelf.put(FileState.READY)
        await desk.done()
    assert [one.payload for one in desk.paper.sent if one.address == "a"] == [
        picture(),
        text("after"),
    ]


async def test_who_has_waited_long_enough_gets_a_link() -> None:
    desk = FileDesk()
    desk.shelf.put(FileState.RECEIVING)
    impatient = Enclosures(desk.shelf, link_for=timedelta(days=7), patience=0.05)
    async with desk.working(desk.worker(enclosures=impatient)):
        await desk.put(picture())
        await desk.done()
    [report] = await desk.reports()
    assert report.note == "file sent as a link: the file has not come yet"


async def test_a_message_that_expires_while_its_file_comes_is_not_sent() -> None:
    desk = FileDesk()
    desk.shelf.put(FileState.RECEIVING)
    async with desk.working(desk.worker(enclosures=desk.enclosures)):
        task = await desk.put(picture())
        await asyncio.sleep(0.02)
        desk.now += timedelta(hours=2)
        await desk.done()
        assert (await desk.reports())[0].error
    assert desk.paper.sent == []
    assert task.payload == picture()


async def test_a_failed_file_is_named_with_its_reason() -> None:
    desk = FileDesk()
    desk.shelf.put(FileState.FAILED)
    async with desk.working(desk.worker(enclosures=desk.enclosures)):
        await desk.put(picture("Mar"))
        await desk.done()
    assert desk.paper.texts("a") == ["[image: Telegram has the file no longer]\nMar"]


@pytest.mark.parametrize("how", ["unknown", "deleted", "vanished"])
async def test_a_file_that_is_gone_fails_the_message(how: str) -> None:
    desk = FileDesk()
    if how == "deleted":
        desk.shelf.put(FileState.DELETED)
    if how == "vanished":
        desk.shelf.put(FileState.READY, data=FileGone("no object"))
    async with desk.working(desk.worker(enclosures=desk.enclosures)):
        await desk.put(picture())
        await desk.done()
    [report] = await desk.reports()
    assert report.error
    assert (report.status, report.error.code) == (Status.FAILED, "file_gone")
    assert desk.paper.sent == []


async def test_a_store_that_is_away_is_tried_again() -> None:
    desk = FileDesk()
    desk.shelf.put(FileState.READY, data=Unavailable("away"))
    policy = replace(SOON, attempts=1_000)
    async with desk.working(desk.worker(policy, enclosures=desk.enclosures)):
        await desk.put(picture())
        await asyncio.sleep(0.02)
        assert desk.paper.sent == []
        desk.shelf.put(FileState.READY)
        await desk.done()
    assert desk.paper.files == [b"sea"]


async def test_an_edited_caption_reaches_the_platform() -> None:
    desk = FileDesk()
    desk.shelf.put(FileState.READY)
    async with desk.working(desk.worker(enclosures=desk.enclosures)):
        task = await desk.put(picture("Mar"))
        await desk.done()
        await desk.keep_reports()
        await desk.ask(replace(task, task_id="e", kind=DeliveryKind.EDIT, payload=picture("Céu")))
        await desk.done()
    assert [change[2] for change in desk.paper.changes] == ["Céu"]
