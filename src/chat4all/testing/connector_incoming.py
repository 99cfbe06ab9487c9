"""What comes in: callbacks are proven, read or rejected, and mean the same each time."""

from __future__ import annotations

import json
import time
from dataclasses import astuple
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat4all.domain.errors import WebhookRejected
from chat4all.domain.inbound import Inbound, IncomingMessage
from chat4all.domain.payload import MEDIA
from chat4all.ports.connector import Connector, SupportsMedia
from chat4all.testing.connector_binding import ConnectorBinding
from chat4all.testing.damage import anything, damaged
from chat4all.testing.recorded_callbacks import as_json

# The fixtures are shared by the examples of one test on purpose: translating is pure.
quick = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)


class IncomingContract(ConnectorBinding):
    """The part of the contract about what comes in."""

    def test_a_recorded_callback_gives_the_expected_events(
        self, translator: Connector, recorded: Path
    ) -> None:
        assert self._as_json(translator, recorded) == _expected(recorded)

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
        self.needs_webhooks()
        body = recorded.read_bytes()
        for name, value in self.headers(body).items():
            for forged in ("", value[:-1], value + "0", value.swapcase(), "é\ud800"):
                with pytest.raises(WebhookRejected):
                    translator.on_webhook_event({**self.headers(body), name: forged}, body)

    def test_a_proof_holds_for_its_own_body_only(self, translator: Connector) -> None:
        self.needs_webhooks()
        if not self.features.signs_body:
            pytest.skip("the platform lacks: signs_body")
        for recorded in self.recordings():
            body = recorded.read_bytes()
            with pytest.raises(WebhookRejected):
                translator.on_webhook_event(self.headers(body), body + b" ")

    @quick
    @given(body=st.binary() | anything.map(lambda value: json.dumps(value).encode()))
    def test_an_unreadable_callback_is_rejected(self, translator: Connector, body: bytes) -> None:
        with pytest.raises(WebhookRejected):
            self.translate(translator, body)

    def test_a_callback_too_deep_to_read_is_rejected(self, translator: Connector) -> None:
        for body in (b"[" * 100_000, b'{"a":' * 100_000, b"1" * 100_000):
            with pytest.raises(WebhookRejected):
                self.translate(translator, body)

    @quick
    @given(data=st.data())
    def test_a_damaged_callback_is_read_or_rejected(
        self, translator: Connector, data: st.DataObject
    ) -> None:
        raw = data.draw(damaged(data.draw(st.sampled_from(self.recordings())).read_bytes()))
        try:
            events = self.translate(translator, raw)
        except WebhookRejected:
            return
        for event in events:
            as_json(event)

    def test_one_callback_gives_no_event_twice(self, translator: Connector, recorded: Path) -> None:
        events = self._translated(translator, recorded)
        assert [one for number, one in enumerate(events) if one in events[:number]] == []

    def test_callbacks_mean_the_same_in_any_order(self, translator: Connector) -> None:
        for recorded in (*self.recordings(), *reversed(self.recordings())):
            assert self._as_json(translator, recorded) == _expected(recorded)

    def test_the_clock_of_this_machine_means_nothing(
        self, translator: Connector, recorded: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before, now = self._translated(translator, recorded), time.time()
        for wrong in (now - 86_400, now + 86_400, 0.0):
            with monkeypatch.context() as patch:
                patch.setattr(time, "time", lambda wrong=wrong: wrong)
                after = self._translated(translator, recorded)
            assert after == before

    def test_every_time_says_where_it_counts_from(
        self, translator: Connector, recorded: Path
    ) -> None:
        for event in self._translated(translator, recorded):
            times = [one for one in astuple(event) if isinstance(one, datetime)]
            assert [one for one in times if one.tzinfo is None] == []

    def test_a_file_that_comes_can_be_fetched(self, translator: Connector, recorded: Path) -> None:
        for event in self._translated(translator, recorded):
            if isinstance(event, IncomingMessage):
                kind, attachment = event.payload.type, event.attachment
                assert (attachment is not None) is (kind in MEDIA and not event.payload.file_id)
                assert attachment is None or isinstance(translator, SupportsMedia)

    def _translated(self, translator: Connector, recorded: Path) -> list[Inbound]:
        return list(self.translate(translator, recorded.read_bytes()))

    def _as_json(self, translator: Connector, recorded: Path) -> list[dict[str, Any]]:
        return [as_json(event) for event in self._translated(translator, recorded)]


def _expected(recorded: Path) -> Any:
    file = recorded.parent / "expected" / f"{recorded.stem}.json"
    return json.loads(file.read_text("utf-8"))
