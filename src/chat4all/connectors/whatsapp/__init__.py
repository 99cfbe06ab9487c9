"""WhatsApp, by way of the Cloud API. https://developers.facebook.com/docs/whatsapp/cloud-api.

A business writes freely only within 24 hours of a person's last message; outside of that
window WhatsApp takes approved templates alone. A business can neither edit nor delete what
it sent. That a person blocked the number is told to nobody: a message to them stays `sent`.

`connector.WhatsAppConnector` is not imported here: only those who have a number need its
libraries.
"""

from __future__ import annotations

from chat4all.connectors.whatsapp.capabilities import CAPABILITIES
from chat4all.connectors.whatsapp.config import WhatsAppConfig

__all__ = ["CAPABILITIES", "WhatsAppConfig"]
