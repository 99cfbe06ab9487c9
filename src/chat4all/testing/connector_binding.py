"""What the binding of a connector's contract says, and what every part of the suite uses."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from chat4all.domain.ids import MessageId, new_id
from chat4all.domain.inbound import Inbound
from chat4all.domain.outgoing import Outgoing
from chat4all.domain.payload import Payload
from chat4all.ports.connector import Connector
from chat4all.testing.fake_platform import FakePlatform, Fault

PATIENCE = 5.0
"""Seconds that a message may take to show at a real platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What the platform has; a test of something it lacks is skipped by that name."""

    faults: frozenset[Fault] = frozenset(Fault)
    webhooks: bool = True
    """It calls us back; one that does not is polled, and `translate` is replaced."""
    signs_body: bool = True
    """A proof holds for one body only, as an HMAC does and a shared secret does not."""
    limits_account: bool | None = True
    """`RATE_LIMITED` concerns the whole account; False: one chat; None: it cannot be told."""


class ConnectorBinding(ABC):
    """Binds with `payloads`, `secrets`, `headers`, and the two fixtures."""

    features: ClassVar[Features] = Features()
    payloads: ClassVar[Path]
    """The folder of recorded callbacks: `<name>.json` as the platform sends it."""
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

    def translate(self, translator: Connector, body: bytes) -> Sequence[Inbound]:
        """Return what one recorded body stands for; replace it where there are no webhooks.

        Raises `WebhookRejected` for what cannot be read.
        """
        return translator.on_webhook_event(self.headers(body), body)

    def recordings(self) -> Sequence[Path]:
        """Return the recorded bodies; there must be one."""
        found = sorted(
            file for file in self.payloads.iterdir() if file.is_file() and file.suffix != ".md"
        )
        assert found, f"{self.payloads} holds no recorded callback: step 0 of a connector"
        return found

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a test that asks for `recorded` once per recorded callback."""
        if "recorded" in metafunc.fixturenames:
            files = self.recordings()
            metafunc.parametrize("recorded", files, ids=[file.stem for file in files])

    def assert_no_secret(self, shown: str) -> None:
        """Fail when one of the secrets stands in `shown`."""
        for secret in self.secrets:
            assert secret not in shown

    def needs_webhooks(self) -> None:
        """Skip where nobody calls back."""
        if not self.features.webhooks:
            pytest.skip("the platform lacks: webhooks")


async def has_taken(platform: FakePlatform, count: int) -> None:
    """Wait until the platform has taken `count` messages; fail when it has more or fewer."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    # A platform of another process tells of no event to wait for.
    while platform.taken() < count and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert platform.taken() == count


def outgoing(
    platform: FakePlatform,
    payload: Payload,
    *,
    reply_to: str | None = None,
    from_name: str | None = None,
) -> Outgoing:
    """Return a message for the chat of `platform`."""
    return Outgoing(
        message_id=MessageId(new_id()),
        address=platform.address,
        payload=payload,
        reply_to=reply_to,
        from_name=from_name,
    )
