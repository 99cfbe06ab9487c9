"""`chat4all connector test xmpp`: the connector against a real Prosody."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import pytest
from slixmpp import JID
from slixmpp.xmlstream import ET

from chat4all.domain.errors import WebhookRejected
from chat4all.domain.inbound import Inbound
from chat4all.ports.connector import Connector
from chat4all.testing.connector import ConnectorContract, Features
from chat4all.testing.fake_platform import Fault
from chat4all_xmpp.config import XmppConfig
from chat4all_xmpp.connector import XmppConnector
from chat4all_xmpp.contact import Contact, connected
from chat4all_xmpp.prosody import Prosody, executable, running_prosody
from chat4all_xmpp.translate import event_of

SHOP, ANA = "shop@localhost", "ana@localhost"
PASSWORD = "example-password-of-the-shop"  # noqa: S105 - of a server that ends with the test


def require_prosody() -> None:
    """Skip where there is no Prosody, by its name; fail where it is asked for."""
    if executable() is None:
        missing = pytest.fail if os.environ.get("CHAT4ALL_REQUIRE_BACKENDS") else pytest.skip
        missing("needs Prosody; on Debian: apt-get install prosody")


def xmpp(port: int, **config: object) -> XmppConnector:
    """Return a connector of the shop's account."""
    keys = {"jid": SHOP, "password": PASSWORD, "host": "127.0.0.1", "port": port, "tls": False}
    return XmppConnector(XmppConfig.model_validate({**keys, "timeout": 5, **config}))


class AnaOnProsody:
    """The platform of the contract: a server, and Ana who writes with the shop there."""

    address = ANA

    def __init__(self, server: Prosody, ana: Contact) -> None:
        self.server = server
        self.ana = ana

    def taken(self) -> int:
        """Return how many messages Ana has."""
        return len(self.ana.texts)

    def texts(self) -> Sequence[str]:
        """Return what they say."""
        return self.ana.texts

    async def fail(self, fault: Fault) -> None:
        """Let Ana block the shop, the shop have another password, or the server crash."""
        if fault is Fault.REFUSED:
            await self.ana.client.plugin["xep_0191"].block({JID(SHOP)})
        elif fault is Fault.LOGGED_OUT:
            self.server.set_password("shop", "another")
        else:
            await self.server.stop()


class TestXmpp(ConnectorContract):
    """Prosody asks nobody to wait and has no HTTP 500: those faults are not to be had."""

    faults = frozenset({Fault.NO_ANSWER, Fault.REFUSED, Fault.LOGGED_OUT})
    features = Features(faults=faults, webhooks=False)
    payloads = Path(__file__).parent / "payloads"
    secrets = (PASSWORD,)

    @pytest.fixture
    async def platform(self, tmp_path: Path) -> AsyncIterator[AnaOnProsody]:
        """Run the server."""
        require_prosody()
        async with (
            running_prosody(tmp_path, {"shop": PASSWORD, "ana": "ana"}) as server,
            connected("ana", "ana", server.port) as ana,
        ):
            yield AnaOnProsody(server, ana)

    @pytest.fixture
    async def connector(self, platform: AnaOnProsody) -> AsyncIterator[Connector]:
        """Connect to it."""
        connector = xmpp(platform.server.port)
        yield connector
        await connector.aclose()

    @pytest.fixture
    def translator(self) -> Connector:
        """Read without a server."""
        return xmpp(9)

    def headers(self, body: bytes) -> Mapping[str, str]:
        """Return nothing: nobody calls back."""
        del body
        return {}

    def translate(self, translator: Connector, body: bytes) -> Sequence[Inbound]:
        """Read one result of the archive."""
        del translator
        try:
            result: Element = ET.fromstring(body)
        except (ParseError, ValueError) as error:
            raise WebhookRejected("not a stanza") from error
        event = event_of(result, SHOP)
        return [event] if event else []
