"""A platform of our own with simulated phones, to try everything without an account.

`PhoneNetwork` plays the platform and its phones, `MockConnector` speaks to it as a
connector speaks to any platform, and `ContactPhones` is the view of it for the phone page.
The network hands what happens on a phone, as JSON, to `PhoneNetwork.on_event`; whoever sets
that signs it with `sign` and gives it to `MockConnector.on_webhook_event`. Where roles are
processes, one has the network and a `PhoneDesk`, and the others ask it by `DistantPhones`.
"""

from __future__ import annotations

from chat4all.connectors.mock.connector import MockConfig, MockConnector
from chat4all.connectors.mock.exchange import DistantNetwork, DistantPhones, PhoneDesk
from chat4all.connectors.mock.network import OnEvent, PhoneNetwork
from chat4all.connectors.mock.phones import ContactPhones
from chat4all.connectors.mock.translate import SIGNATURE_HEADER, sign

__all__ = [
    "SIGNATURE_HEADER",
    "ContactPhones",
    "DistantNetwork",
    "DistantPhones",
    "MockConfig",
    "MockConnector",
    "OnEvent",
    "PhoneDesk",
    "PhoneNetwork",
    "sign",
]
