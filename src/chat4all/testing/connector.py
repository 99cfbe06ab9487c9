"""What every connector must do. A third party's connector runs this as ours do.

Bind it with the fixtures `connector` and `platform`, the folder of recorded callbacks and
the secrets that must not be seen; see docs/howto/write-a-connector.md. Step 0 of a connector
is a recorded callback: `payloads/<name>.json` holds its body as the platform sends it, byte
for byte, and `payloads/expected/<name>.json` the list of events that it stands for
(`as_json`).
"""

from __future__ import annotations

import gc

import pytest

from chat4all.domain.payload import MEDIA, PayloadType, text
from chat4all.ports.connector import (
    Connector,
    SupportsChanges,
    SupportsIdentity,
    SupportsPolling,
    SupportsTemplates,
)
from chat4all.testing.connector_binding import Features, outgoing
from chat4all.testing.connector_faults import FaultContract
from chat4all.testing.connector_incoming import IncomingContract
from chat4all.testing.connector_media import MediaContract
from chat4all.testing.connector_sending import SendingContract
from chat4all.testing.fake_platform import FakePlatform

__all__ = ["ConnectorContract", "Features"]


class ConnectorContract(IncomingContract, SendingContract, MediaContract, FaultContract):
    """The whole of it; binds with `payloads`, `secrets`, `headers`, and the two fixtures."""

    async def test_closing_what_was_never_used_is_no_error(self, connector: Connector) -> None:
        await connector.aclose()

    async def test_closing_leaves_nothing_open(
        self, connector: Connector, platform: FakePlatform
    ) -> None:
        await connector.send_message(outgoing(platform, text("hello")))
        await connector.aclose()
        await connector.aclose()
        gc.collect()  # what was left open would warn now, and warnings are errors

    async def test_the_capabilities_are_those_of_the_methods(self, connector: Connector) -> None:
        able = connector.capabilities
        changes = able.edits or able.deletes or able.reactions or able.typing
        assert changes is isinstance(connector, SupportsChanges)
        carries = PayloadType.TEMPLATE in able.payloads
        assert carries is isinstance(connector, SupportsTemplates)
        assert connector.channel == connector.channel.lower().strip()
        assert able.max_text > 0
        assert PayloadType.TEXT in able.payloads
        assert set(able.max_file_bytes) == able.payloads & MEDIA
        assert set(able.media_types) | able.uncaptioned <= able.payloads & MEDIA

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
