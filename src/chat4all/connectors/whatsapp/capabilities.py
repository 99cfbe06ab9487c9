"""What WhatsApp carries for a business.

The pace is that of a number with standard throughput: 80 messages a second, and to one
person one every 6 seconds after a burst of 45.
https://developers.facebook.com/docs/whatsapp/cloud-api/overview#throughput
https://developers.facebook.com/docs/whatsapp/cloud-api/overview#pair-rate-limits
"""

from __future__ import annotations

from datetime import timedelta

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.payload import PayloadType

CAPABILITIES = Capabilities(
    payloads=frozenset({PayloadType.TEXT, PayloadType.LOCATION, PayloadType.CONTACT}),
    max_text=4096,
    max_caption=1024,
    replies=True,
    reactions=True,
    delivery_receipts=True,
    read_receipts=True,
    session_window=timedelta(hours=24),
    per_second=80.0,
    burst=4,
    per_chat_per_second=1 / 6,
    per_chat_burst=45,
)
