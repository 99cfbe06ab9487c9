"""The connector by the suite that every connector passes."""

from chat4all_xmpp.conformance import TestXmpp

__all__ = ["TestXmpp"]
