"""What fails: it says whether to try again, in time, and shows no secret."""

from __future__ import annotations

import asyncio
import logging
import re
import traceback
from collections.abc import Iterator

import pytest

from chat4all.domain.errors import ChannelError, WebhookRejected
from chat4all.domain.payload import text
from chat4all.ports.connector import Connector
from chat4all.testing.connector_binding import ConnectorBinding, outgoing
from chat4all.testing.fake_platform import RETRY_AFTER, FakePlatform, Fault

GIVES_UP = 30.0
"""Seconds after which a send must have ended, whatever the platform does."""


class FaultContract(ConnectorBinding):
    """The part of the contract about what fails."""

    @pytest.mark.parametrize("fault", list(Fault))
    async def test_a_fault_says_whether_to_try_again(
        self, connector: Connector, platform: FakePlatform, fault: Fault
    ) -> None:
        error = await self._failure(connector, platform, fault)
        assert error.retry is (fault not in (Fault.REFUSED, Fault.LOGGED_OUT))
        if fault is Fault.RATE_LIMITED:
            assert error.retry_after == RETRY_AFTER

    @pytest.mark.parametrize("fault", [Fault.RATE_LIMITED, Fault.REFUSED, Fault.LOGGED_OUT])
    async def test_a_fault_says_whether_it_concerns_the_whole_account(
        self, connector: Connector, platform: FakePlatform, fault: Fault
    ) -> None:
        if fault is Fault.RATE_LIMITED and self.features.limits_account is None:
            pytest.skip("the platform lacks: telling whose limit it is")
        error = await self._failure(connector, platform, fault)
        whole = self.features.limits_account if fault is Fault.RATE_LIMITED else None
        assert error.of_account is (fault is Fault.LOGGED_OUT if whole is None else whole)
        assert (error.reason == "unauthorized") is (fault is Fault.LOGGED_OUT)

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
        self.assert_no_secret("\n".join(shown) + caplog.text)

    async def test_work_shows_no_secret(
        self,
        connector: Connector,
        platform: FakePlatform,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        await connector.send_message(outgoing(platform, text("hello")))
        with pytest.raises(WebhookRejected) as rejected:
            connector.on_webhook_event({}, b"{}")
        with pytest.raises(WebhookRejected) as unreadable:
            connector.on_webhook_event(self.headers(b"{"), b"{")
        shown = [
            line
            for error in (rejected.value, unreadable.value)
            for line in traceback.format_exception(error)
        ]
        self.assert_no_secret("\n".join(shown) + caplog.text + repr(connector))

    @pytest.mark.parametrize("fault", list(Fault))
    async def test_a_fault_has_a_reason_of_one_word(
        self, connector: Connector, platform: FakePlatform, fault: Fault
    ) -> None:
        error = await self._failure(connector, platform, fault)
        assert re.fullmatch("[a-z][a-z0-9_]{2,40}", error.reason)
        assert str(error)

    async def _failure(
        self, connector: Connector, platform: FakePlatform, fault: Fault
    ) -> ChannelError:
        if fault not in self.features.faults:
            pytest.skip(f"the platform lacks: {fault}")
        await platform.fail(fault)
        with pytest.raises(ChannelError) as caught:
            async with asyncio.timeout(GIVES_UP):
                await connector.send_message(outgoing(platform, text("hello")))
        return caught.value


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause = error.__cause__ or error.__context__
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
