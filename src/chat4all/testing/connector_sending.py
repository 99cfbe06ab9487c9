"""What goes out: whole, once, and refused before it is sent where the platform has no room."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from chat4all.domain.errors import ChannelError
from chat4all.domain.ids import new_id
from chat4all.domain.outgoing import FileRef
from chat4all.domain.payload import MEDIA, Payload, PayloadType, text
from chat4all.domain.templates import Template
from chat4all.ports.connector import Connector, SupportsChanges, SupportsTemplates
from chat4all.testing.connector_binding import ConnectorBinding, has_taken, outgoing
from chat4all.testing.fake_platform import FakePlatform, Fault, ShowsTexts

_PLACE = Payload(type=PayloadType.LOCATION, latitude=0.0, longitude=-38.5, name="Farol")
_CARD = Payload(type=PayloadType.CONTACT, name="Ana Lima", phone="+5571999990000")
_MIME = {
    PayloadType.IMAGE: "image/png",
    PayloadType.VIDEO: "video/mp4",
    PayloadType.AUDIO: "audio/ogg",
    PayloadType.DOCUMENT: "application/pdf",
}


_PIECE = 64 * 1024


class SendingContract(ConnectorBinding):
    """The part of the contract about what goes out."""

    async def test_a_text_is_taken(self, connector: Connector, platform: FakePlatform) -> None:
        sent = await connector.send_message(outgoing(platform, text("Olá, tudo bem? 👋")))
        assert sent.external_id
        await has_taken(platform, 1)

    async def test_two_messages_have_two_ids(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        first = await connector.send_message(outgoing(platform, text("one")))
        second = await connector.send_message(outgoing(platform, text("one")))
        assert first.external_id != second.external_id

    async def test_the_longest_text_is_taken(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        await connector.send_message(
            outgoing(platform, text("a" * connector.capabilities.max_text))
        )
        await has_taken(platform, 1)

    async def test_a_longer_text_is_refused_before_it_is_sent(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        longer = text("a" * (connector.capabilities.max_text + 1))
        if Fault.SERVER_ERROR in self.features.faults:
            await platform.fail(Fault.SERVER_ERROR)  # which nobody notices who does not call
        with pytest.raises(ChannelError) as caught:
            await connector.send_message(outgoing(platform, longer))
        assert caught.value.retry is False
        assert platform.taken() == 0

    async def test_a_payload_that_is_not_carried_is_refused(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        if connector.capabilities.payloads & MEDIA:
            pytest.skip("the platform carries media")
        picture = Payload(type=PayloadType.IMAGE, file_id=new_id())
        file = _file("image/png", 1)
        with pytest.raises(ChannelError) as refused:
            await connector.send_file(outgoing(platform, picture), file)
        assert refused.value.retry is False
        assert platform.taken() == 0

    async def test_what_the_capabilities_name_is_carried(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        carried = [one for one in (_PLACE, _CARD) if one.type in connector.capabilities.payloads]
        for payload in carried:
            await connector.send_message(outgoing(platform, payload))
        await has_taken(platform, len(carried))

    async def test_an_answer_to_a_message_is_taken(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        if not connector.capabilities.replies:
            pytest.skip("the platform lacks: replies")
        first = await connector.send_message(outgoing(platform, text("first")))
        await connector.send_message(
            outgoing(platform, text("second"), reply_to=first.external_id, from_name="Ana")
        )
        await has_taken(platform, 2)

    async def test_a_sent_message_can_be_changed_as_often_as_one_likes(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        if not isinstance(connector, SupportsChanges):
            pytest.skip("the platform lacks: SupportsChanges")
        able = connector.capabilities
        sent = await connector.send_message(outgoing(platform, text("before")))
        for _ in range(2):  # a repeat is no error
            if able.edits:
                await connector.edit_message(outgoing(platform, text("after")), sent.external_id)
            if able.reactions:
                await connector.set_reactions(platform.address, sent.external_id, ["👍"])
                await connector.set_reactions(platform.address, sent.external_id, [])
        if able.typing:
            await connector.show_typing(platform.address)
        if able.deletes:
            await connector.delete_message(platform.address, sent.external_id)
            await connector.delete_message(platform.address, sent.external_id)

    async def test_a_template_is_taken_with_a_word_in_each_place(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        if not isinstance(connector, SupportsTemplates):
            pytest.skip("the platform lacks: templates")
        found = await connector.templates()
        assert found, "let the platform approve a template"
        for template in found:
            words = [place.example or "word" for place in template.places]
            await connector.send_message(outgoing(platform, _filled(template, words)))
        await has_taken(platform, len(found))

    async def test_a_template_that_was_not_approved_so_is_refused(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        if not isinstance(connector, SupportsTemplates):
            pytest.skip("the platform lacks: templates")
        approved = (await connector.templates())[0]
        words = ["word"] * len(approved.places)
        unknown = replace(approved, name="nobody_approved_this")
        for payload in (_filled(unknown, words), _filled(approved, [*words, "more"])):
            with pytest.raises(ChannelError) as refused:
                await connector.send_message(outgoing(platform, payload))
            assert refused.value.retry is False
        assert platform.taken() == 0

    async def test_a_text_arrives_as_it_was_written(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        if not isinstance(platform, ShowsTexts):
            pytest.skip("the platform lacks: ShowsTexts")
        room = connector.capabilities.max_text - 1
        longest = ("ação <b>&amp;</b> *_`~ " * room)[:room] + "!"
        for number, words in enumerate(("  two  spaces\n\n<&>\"'👩‍👩‍👧", longest), 1):
            await connector.send_message(outgoing(platform, text(words)))
            await has_taken(platform, number)
            assert platform.texts()[-1].strip() == words.strip()

    async def test_a_longer_text_is_refused_in_an_edit_too(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        if not (isinstance(connector, SupportsChanges) and connector.capabilities.edits):
            pytest.skip("the platform lacks: edits")
        sent = await connector.send_message(outgoing(platform, text("before")))
        longer = text("a" * (connector.capabilities.max_text + 1))
        with pytest.raises(ChannelError) as refused:
            await connector.edit_message(outgoing(platform, longer), sent.external_id)
        assert refused.value.retry is False

    async def test_what_the_capabilities_do_not_name_is_refused(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        for payload in (_PLACE, _CARD):
            if payload.type not in connector.capabilities.payloads:
                with pytest.raises(ChannelError) as refused:
                    await connector.send_message(outgoing(platform, payload))
                assert refused.value.retry is False
        assert platform.taken() == 0

    async def test_a_file_that_is_too_large_is_refused_before_it_is_sent(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        limits = connector.capabilities.max_file_bytes
        if not limits:
            pytest.skip("the platform lacks: media")
        for kind, limit in limits.items():
            media = Payload(type=kind, file_id=new_id())
            file = _file(_MIME[kind], limit + 1)
            with pytest.raises(ChannelError) as refused:
                await connector.send_file(outgoing(platform, media), file)
            assert refused.value.retry is False
        assert platform.taken() == 0


def _filled(template: Template, words: Sequence[str]) -> Payload:
    return Payload(
        type=PayloadType.TEMPLATE,
        name=template.name,
        language=template.language,
        parameters=tuple(words),
        text=template.filled(words),
    )


def _file(mime_type: str, size: int) -> FileRef:
    async def read() -> AsyncIterator[bytes]:
        for start in range(0, size, _PIECE):
            yield bytes(min(_PIECE, size - start))

    return FileRef(
        name="x.bin", mime_type=mime_type, size=size, url="http://127.0.0.1:9/x", read=read
    )
