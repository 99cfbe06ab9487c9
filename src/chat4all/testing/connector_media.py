"""Files: they go out whole and come in whole, and what cannot is told before it is tried."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator

import pytest

from chat4all.domain.errors import ChannelError, Unavailable
from chat4all.domain.ids import new_id
from chat4all.domain.outgoing import FileRef
from chat4all.domain.payload import MEDIA, Payload, PayloadType
from chat4all.ports.connector import Connector, SupportsMedia
from chat4all.testing.connector_binding import ConnectorBinding, has_taken, outgoing
from chat4all.testing.connector_faults import GIVES_UP
from chat4all.testing.fake_platform import FakePlatform, Fault, HoldsMedia, ShowsFiles

PIECE = 64 * 1024
LARGEST_PIECE = 1024**2
"""The most bytes that `fetch_media` may give at a time."""
_CONTENTS = {
    PayloadType.IMAGE: ("image/png", b"\x89PNG\r\n\x1a\n"),
    PayloadType.VIDEO: ("video/mp4", b"\x00\x00\x00\x18ftypmp42"),
    PayloadType.AUDIO: ("audio/mpeg", b"ID3\x04"),
    PayloadType.DOCUMENT: ("application/pdf", b"%PDF-1.7\n"),
}
_FETCH_FAULTS = frozenset({Fault.RATE_LIMITED, Fault.SERVER_ERROR, Fault.NO_ANSWER})


class MediaContract(ConnectorBinding):
    """The part of the contract about files."""

    async def test_every_kind_of_file_is_carried_whole(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        able = connector.capabilities
        self._needs_media(connector)
        for number, kind in enumerate(sorted(able.payloads & MEDIA), 1):
            caption = "Olá 👋"[: able.caption_of(kind)] or None
            data = sample(kind, 3 * PIECE + number)
            sent = await connector.send_file(
                outgoing(platform, _media(kind, caption)), file_of(kind, data)
            )
            assert sent.external_id
            await has_taken(platform, number)
            if isinstance(platform, ShowsFiles):
                assert platform.files()[-1] == (data, caption)

    async def test_a_name_of_a_file_does_no_harm(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        self._needs_media(connector)
        kind = max(connector.capabilities.payloads & MEDIA, key=lambda one: one is _ANY)
        data = sample(kind, 100)
        for number, name in enumerate(('a"; x="b\r\nc: d.bin', "relatório 📎.bin", "../x", "n"), 1):
            file = file_of(kind, data, name=name)
            await connector.send_file(outgoing(platform, _media(kind)), file)
            await has_taken(platform, number)
            if isinstance(platform, ShowsFiles):
                assert platform.files()[-1] == (data, None)

    async def test_a_caption_that_is_too_long_is_refused_before_it_is_sent(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        self._needs_media(connector)
        for kind in sorted(connector.capabilities.payloads & MEDIA):
            longer = _media(kind, "a" * (connector.capabilities.caption_of(kind) + 1))
            with pytest.raises(ChannelError) as refused:
                await connector.send_file(outgoing(platform, longer), file_of(kind, sample(kind)))
            assert refused.value.retry is False
        assert platform.taken() == 0

    async def test_a_type_of_file_that_is_not_carried_is_refused_before_it_is_sent(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        self._needs_media(connector)
        for kind in connector.capabilities.media_types:
            file = file_of(kind, sample(kind), mime_type="application/x-nobody-knows-this")
            with pytest.raises(ChannelError) as refused:
                await connector.send_file(outgoing(platform, _media(kind)), file)
            assert refused.value.retry is False
        assert platform.taken() == 0

    async def test_a_file_that_cannot_be_read_on_is_tried_again(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        self._needs_media(connector)
        kind = max(connector.capabilities.payloads & MEDIA, key=lambda one: one is _ANY)
        data = sample(kind, 4 * PIECE)

        async def breaks() -> AsyncIterator[bytes]:
            yield data[:PIECE]
            await asyncio.sleep(0)
            raise Unavailable("the storage is away")

        whole = file_of(kind, data)
        broken = FileRef(
            name=whole.name, mime_type=whole.mime_type, size=whole.size, url=whole.url, read=breaks
        )
        with pytest.raises((ChannelError, Unavailable)) as failed:
            async with asyncio.timeout(GIVES_UP):
                await connector.send_file(outgoing(platform, _media(kind)), broken)
        assert not isinstance(failed.value, ChannelError) or failed.value.retry
        assert platform.taken() == 0

    async def test_a_file_that_came_is_fetched_whole_and_in_pieces(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        able, held = self._fetching(connector, platform)
        for data in (b"x", sample(PayloadType.IMAGE, 3 * LARGEST_PIECE + 5)):
            pieces = [piece async for piece in able.fetch_media(held.hold(data))]
            assert b"".join(pieces) == data
            assert max(len(piece) for piece in pieces) <= LARGEST_PIECE

    async def test_a_file_that_is_gone_is_told_from_one_that_is_late(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        able, held = self._fetching(connector, platform)
        reference = held.hold(b"soon gone")
        held.lose_all()
        with pytest.raises(ChannelError) as gone:
            await fetched(able, reference)
        assert (gone.value.retry, gone.value.reason) == (False, "media_gone")

    async def test_a_file_that_is_too_large_to_fetch_is_told_as_such(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        able, held = self._fetching(connector, platform)
        reference = held.hold_too_large()
        if reference is None:
            pytest.skip("the platform lacks: files too large to fetch")
        with pytest.raises(ChannelError) as refused:
            await fetched(able, reference)
        assert (refused.value.retry, refused.value.reason) == (False, "media_too_large")

    @pytest.mark.parametrize("fault", sorted(_FETCH_FAULTS))
    async def test_a_fetch_that_fails_is_worth_another_and_shows_no_secret(
        self,
        connector: Connector,
        platform: FakePlatform,
        fault: Fault,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        able, held = self._fetching(connector, platform)
        if fault not in self.features.faults:
            pytest.skip(f"the platform lacks: {fault}")
        caplog.set_level(logging.DEBUG)
        reference = held.hold(b"some bytes")
        assert await fetched(able, reference) == b"some bytes"
        await platform.fail(fault)
        with pytest.raises(ChannelError) as failed:
            async with asyncio.timeout(GIVES_UP):
                await fetched(able, reference)
        assert failed.value.retry is True
        shown = traceback.format_exception(failed.value)
        self.assert_no_secret("".join(shown) + repr(failed.value.platform_error) + caplog.text)

    async def test_a_download_that_breaks_off_is_no_whole_file(
        self, connector: Connector, platform: FakePlatform, caplog: pytest.LogCaptureFixture
    ) -> None:
        able, held = self._fetching(connector, platform)
        caplog.set_level(logging.DEBUG)
        reference = held.hold(sample(PayloadType.IMAGE, 4 * PIECE))
        held.break_off()
        with pytest.raises(ChannelError) as failed:
            async with asyncio.timeout(GIVES_UP):
                await fetched(able, reference)
        assert failed.value.retry is True
        shown = traceback.format_exception(failed.value)
        self.assert_no_secret("".join(shown) + caplog.text)

    def _needs_media(self, connector: Connector) -> None:
        if not connector.capabilities.payloads & MEDIA:
            pytest.skip("the platform lacks: media")

    def _fetching(
        self, connector: Connector, platform: FakePlatform
    ) -> tuple[SupportsMedia, HoldsMedia]:
        if not isinstance(connector, SupportsMedia):
            pytest.skip("the platform lacks: SupportsMedia")
        assert isinstance(platform, HoldsMedia), "the binding's platform lacks HoldsMedia"
        return connector, platform


_ANY = PayloadType.DOCUMENT


async def fetched(connector: SupportsMedia, reference: str) -> bytes:
    """Return the bytes that `fetch_media` gives."""
    return b"".join([piece async for piece in connector.fetch_media(reference)])


def sample(kind: PayloadType, size: int = 1000) -> bytes:
    """Return bytes that begin as a file of the kind does, with no two pieces alike."""
    head = _CONTENTS[kind][1]
    body = b"".join(number.to_bytes(8) for number in range(size // 8 + 1))
    return (head + body)[: max(size, len(head))]


def file_of(
    kind: PayloadType, data: bytes, *, name: str = "x.bin", mime_type: str | None = None
) -> FileRef:
    """Return a file to send."""

    async def read() -> AsyncIterator[bytes]:
        for start in range(0, len(data), PIECE):
            yield data[start : start + PIECE]

    return FileRef(
        name=name,
        mime_type=mime_type or _CONTENTS[kind][0],
        size=len(data),
        url="http://127.0.0.1:9/x",
        read=read,
    )


def _media(kind: PayloadType, caption: str | None = None) -> Payload:
    return Payload(type=kind, file_id=new_id(), caption=caption)
