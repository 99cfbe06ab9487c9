"""What every connector must do. A third party's connector runs this as ours do.

Bind it with the fixtures `connector` and `platform`, the folder of recorded callbacks and
the secrets that must not be seen; see tests/connectors/. Step 0 of a connector is a recorded
callback: `payloads/<name>.json` holds its body as the platform sends it, byte for byte, and
`payloads/expected/<name>.json` the list of events that it stands for (`as_json`).
"""

from __future__ import annotations

import copy
import gc
import json
import logging
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat4all.domain.errors import ChannelError, WebhookRejected
from chat4all.domain.ids import MessageId, new_id
from chat4all.domain.inbound import Inbound
from chat4all.domain.outgoing import FileRef, Outgoing
from chat4all.domain.payload import MEDIA, Payload, PayloadType, text
from chat4all.ports.connector import (
    Connector,
    SupportsChanges,
    SupportsIdentity,
    SupportsPolling,
)
from chat4all.testing.fake_platform import RETRY_AFTER, FakePlatform, Fault
from chat4all.testing.recorded_callbacks import as_json, places

# The fixtures are shared by the examples of one test on purpose: translating is pure.
quick = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What the platform has; a test of something it lacks is skipped by that name."""

    faults: frozenset[Fault] = frozenset(Fault)
    signs_body: bool = True
    """A proof holds for one body only, as an HMAC does and a shared secret does not."""


class ConnectorContract(ABC):
    """Binds with `payloads`, `secrets`, `headers`, and the two fixtures."""

    features: ClassVar[Features] = Features()
    payloads: ClassVar[Path]
    """The folder of recorded callbacks."""
    secrets: ClassVar[tuple[str, ...]]
    """The texts that stand in the config and must be seen nowhere else."""

    @pytest.fixture
    @abstractmethod
    def platform(self) -> FakePlatform:
        """A platform that works, until told otherwise."""

    @pytest.fixture
    @abstractmethod
    def connector(self, platform: FakePlatform) -> Connector:
        """A connector to `platform`; the binding closes it. It gives up within seconds."""

    @pytest.fixture
    def translator(self, connector: Connector) -> Connector:
        """What reads callbacks; replace it by a connector to nowhere, to save time."""
        return connector

    @abstractmethod
    def headers(self, body: bytes) -> Mapping[str, str]:
        """Return the headers with which the platform would prove that it sent `body`."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a test that asks for `recorded` once per recorded callback."""
        if "recorded" in metafunc.fixturenames:
            files = sorted(self.payloads.glob("*.json"))
            metafunc.parametrize("recorded", files, ids=[file.stem for file in files])

    # -- what comes in

    def test_a_recorded_callback_gives_the_expected_events(
        self, translator: Connector, recorded: Path
    ) -> None:
        expected = json.loads((recorded.parent / "expected" / recorded.name).read_text("utf-8"))
        assert [as_json(event) for event in self._translated(translator, recorded)] == expected

    def test_a_repeated_callback_gives_equal_events(
        self, translator: Connector, recorded: Path
    ) -> None:
        assert self._translated(translator, recorded) == self._translated(translator, recorded)

    def test_a_callback_without_proof_is_rejected(
        self, translator: Connector, recorded: Path
    ) -> None:
        with pytest.raises(WebhookRejected):
            translator.on_webhook_event({}, recorded.read_bytes())

    def test_a_callback_with_a_wrong_proof_is_rejected(
        self, translator: Connector, recorded: Path
    ) -> None:
        body = recorded.read_bytes()
        for name, value in self.headers(body).items():
            for forged in ("", value[:-1], value + "0", value.swapcase(), "é\ud800"):
                with pytest.raises(WebhookRejected):
                    translator.on_webhook_event({**self.headers(body), name: forged}, body)

    def test_a_proof_holds_for_its_own_body_only(self, translator: Connector) -> None:
        if not self.features.signs_body:
            pytest.skip("the platform lacks: signs_body")
        for recorded in self.payloads.glob("*.json"):
            body = recorded.read_bytes()
            with pytest.raises(WebhookRejected):
                translator.on_webhook_event(self.headers(body), body + b" ")

    @quick
    @given(body=st.binary() | anything.map(lambda value: json.dumps(value).encode()))
    def test_an_unreadable_callback_is_rejected(self, translator: Connector, body: bytes) -> None:
        with pytest.raises(WebhookRejected):
            translator.on_webhook_event(self.headers(body), body)

    def test_a_callback_too_deep_to_read_is_rejected(self, translator: Connector) -> None:
        for body in (b"[" * 100_000, b'{"a":' * 100_000, b"1" * 100_000):
            with pytest.raises(WebhookRejected):
                translator.on_webhook_event(self.headers(body), body)

    @quick
    @given(data=st.data())
    def test_a_damaged_callback_is_read_or_rejected(
        self, translator: Connector, data: st.DataObject
    ) -> None:
        files = sorted(self.payloads.glob("*.json"))
        body = json.loads(data.draw(st.sampled_from(files)).read_bytes())
        damaged = copy.deepcopy(body)
        place = data.draw(st.sampled_from(list(places(damaged))))
        container, key = place
        container[key] = data.draw(anything)
        raw = json.dumps(damaged).encode()
        try:
            events = translator.on_webhook_event(self.headers(raw), raw)
        except WebhookRejected:
            return
        for event in events:
            as_json(event)

    # -- what goes out

    async def test_a_text_is_taken(self, connector: Connector, platform: FakePlatform) -> None:
        sent = await connector.send_message(_outgoing(platform, text("Olá, tudo bem? 👋")))
        assert sent.external_id
        assert platform.taken() == 1

    async def test_two_messages_have_two_ids(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        first = await connector.send_message(_outgoing(platform, text("one")))
        second = await connector.send_message(_outgoing(platform, text("one")))
        assert first.external_id != second.external_id

    async def test_the_longest_text_is_taken(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        await connector.send_message(
            _outgoing(platform, text("a" * connector.capabilities.max_text))
        )
        assert platform.taken() == 1

    async def test_a_longer_text_is_refused_before_it_is_sent(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        longer = text("a" * (connector.capabilities.max_text + 1))
        if Fault.SERVER_ERROR in self.features.faults:
            await platform.fail(Fault.SERVER_ERROR)  # which nobody notices who does not call
        with pytest.raises(ChannelError) as caught:
            await connector.send_message(_outgoing(platform, longer))
        assert caught.value.retry is False
        assert platform.taken() == 0

    async def test_a_payload_that_is_not_carried_is_refused(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        if connector.capabilities.payloads & MEDIA:
            pytest.skip("the platform carries media")
        picture = Payload(type=PayloadType.IMAGE, file_id=new_id())
        file = FileRef(url="http://127.0.0.1/x", name="x.png", mime_type="image/png", size=1)
        with pytest.raises(ChannelError) as refused:
            await connector.send_file(_outgoing(platform, picture), file)
        assert refused.value.retry is False
        assert platform.taken() == 0

    async def test_what_the_capabilities_name_is_carried(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        examples = {
            PayloadType.LOCATION: Payload(
                type=PayloadType.LOCATION, latitude=0.0, longitude=-38.5, name="Farol"
            ),
            PayloadType.CONTACT: Payload(
                type=PayloadType.CONTACT, name="Ana Lima", phone="+5571999990000"
            ),
        }
        carried = [one for kind, one in examples.items() if kind in connector.capabilities.payloads]
        for payload in carried:
            await connector.send_message(_outgoing(platform, payload))
        assert platform.taken() == len(carried)

    async def test_an_answer_to_a_message_is_taken(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        if not connector.capabilities.replies:
            pytest.skip("the platform lacks: replies")
        first = await connector.send_message(_outgoing(platform, text("first")))
        await connector.send_message(
            _outgoing(platform, text("second"), reply_to=first.external_id, from_name="Ana")
        )
        assert platform.taken() == 2

    async def test_a_sent_message_can_be_changed_as_often_as_one_likes(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        if not isinstance(connector, SupportsChanges):
            pytest.skip("the platform lacks: SupportsChanges")
        able = connector.capabilities
        sent = await connector.send_message(_outgoing(platform, text("before")))
        for _ in range(2):  # a repeat is no error
            if able.edits:
                await connector.edit_message(_outgoing(platform, text("after")), sent.external_id)
            if able.reactions:
                await connector.set_reactions(platform.address, sent.external_id, ["👍"])
                await connector.set_reactions(platform.address, sent.external_id, [])
        if able.typing:
            await connector.show_typing(platform.address)
        if able.deletes:
            await connector.delete_message(platform.address, sent.external_id)
            await connector.delete_message(platform.address, sent.external_id)

    # -- what fails

    @pytest.mark.parametrize("fault", list(Fault))
    async def test_a_fault_says_whether_to_try_again(
        self, connector: Connector, platform: FakePlatform, fault: Fault
    ) -> None:
        error = await self._failure(connector, platform, fault)
        assert error.retry is (fault is not Fault.REFUSED)
        if fault is Fault.RATE_LIMITED:
            assert error.retry_after == RETRY_AFTER

    @pytest.mark.parametrize("fault", list(Fault))
    async def test_a_fault_shows_no_secret(
        self,
        connector: Connector,
        platform: FakePlatform,
        fault: Fault,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        error = await self._failure(connector, platform, fault)
        shown = [*traceback.format_exception(error), repr(error), repr(error.platform_error)]
        shown += [repr(cause) for cause in _causes(error)]
        self._assert_no_secret("\n".join(shown) + caplog.text)

    async def test_work_shows_no_secret(
        self,
        connector: Connector,
        platform: FakePlatform,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        await connector.send_message(_outgoing(platform, text("hello")))
        with pytest.raises(WebhookRejected) as rejected:
            connector.on_webhook_event({}, b"{}")
        with pytest.raises(WebhookRejected) as unreadable:
            connector.on_webhook_event(self.headers(b"{"), b"{")
        shown = [
            line
            for error in (rejected.value, unreadable.value)
            for line in traceback.format_exception(error)
        ]
        self._assert_no_secret("\n".join(shown) + caplog.text + repr(connector))

    # -- the rest

    async def test_closing_leaves_nothing_open(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        await connector.send_message(_outgoing(platform, text("hello")))
        await connector.aclose()
        await connector.aclose()
        gc.collect()  # what was left open would warn now, and warnings are errors

    async def test_the_capabilities_are_those_of_the_methods(self, connector: Connector) -> None:
        able = connector.capabilities
        changes = able.edits or able.deletes or able.reactions or able.typing
        assert changes is isinstance(connector, SupportsChanges)
        assert connector.channel == connector.channel.lower().strip()
        assert able.max_text > 0
        assert PayloadType.TEXT in able.payloads
        assert set(able.max_file_bytes) == able.payloads & MEDIA

    async def test_it_knows_its_name_and_how_to_link(self, connector: Connector) -> None:
        if not isinstance(connector, SupportsIdentity):
            pytest.skip("the platform lacks: SupportsIdentity")
        name = await connector.whoami()
        assert name
        assert "K7-x_2" in connector.link_instructions("K7-x_2", name)

    async def test_a_poll_goes_on_where_the_last_one_ended(self, connector: Connector) -> None:
        if not isinstance(connector, SupportsPolling):
            pytest.skip("the platform lacks: SupportsPolling")
        first = await connector.poll(None, wait=0.0)
        again = await connector.poll(first.offset, wait=0.0)
        assert again.events == []
        assert again.offset == first.offset

    def _translated(self, connector: Connector, recorded: Path) -> list[Inbound]:
        body = recorded.read_bytes()
        return list(connector.on_webhook_event(self.headers(body), body))

    async def _failure(
        self, connector: Connector, platform: FakePlatform, fault: Fault
    ) -> ChannelError:
        if fault not in self.features.faults:
            pytest.skip(f"the platform lacks: {fault}")
        await platform.fail(fault)
        with pytest.raises(ChannelError) as caught:
            await connector.send_message(_outgoing(platform, text("hello")))
        return caught.value

    def _assert_no_secret(self, shown: str) -> None:
        for secret in self.secrets:
            assert secret not in shown


def _outgoing(
    platform: FakePlatform,
    payload: Payload,
    *,
    reply_to: str | None = None,
    from_name: str | None = None,
) -> Outgoing:
    return Outgoing(
        message_id=MessageId(new_id()),
        address=platform.address,
        payload=payload,
        reply_to=reply_to,
        from_name=from_name,
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause = error.__cause__ or error.__context__
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
