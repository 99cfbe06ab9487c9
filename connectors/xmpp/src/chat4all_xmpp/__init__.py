"""XMPP (RFC 6120, 6121): one account of a server. What is carried is in README.md."""

from __future__ import annotations

from chat4all.ports.connector import Connector
from chat4all.ports.connector_kind import ConnectorKind
from chat4all_xmpp.config import CAPABILITIES, XmppConfig


def _build(config: XmppConfig) -> Connector:
    from chat4all_xmpp.connector import XmppConnector  # noqa: PLC0415 - slixmpp loads slowly

    return XmppConnector(config)


KIND = ConnectorKind(
    channel="xmpp",
    capabilities=CAPABILITIES,
    config=XmppConfig,
    build=_build,
    identity=lambda config: config.jid,
    secret="password",  # noqa: S106 - the name of a key
)
