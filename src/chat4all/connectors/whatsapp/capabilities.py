"""What WhatsApp carries for a business.

The pace is that of a number with standard throughput: 80 messages a second, and to one
person one every 6 seconds after a burst of 45.
https://developers.facebook.com/docs/whatsapp/cloud-api/overview#throughput
https://developers.facebook.com/docs/whatsapp/cloud-api/overview#pair-rate-limits
"""

from __future__ import annotations

from datetime import timedelta

from chat4all.domain.capabilities import AddressForm, Capabilities
from chat4all.domain.payload import PayloadType

_MEGABYTE = 1024**2
_IMAGES = frozenset({"image/jpeg", "image/png"})
_VIDEOS = frozenset({"video/mp4", "video/3gpp"})
_AUDIO = frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"})
_OFFICE = "application/vnd.openxmlformats-officedocument."
_DOCUMENTS = frozenset(
    {
        "text/plain",
        "application/pdf",
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        f"{_OFFICE}wordprocessingml.document",
        f"{_OFFICE}spreadsheetml.sheet",
        f"{_OFFICE}presentationml.presentation",
    }
)

CAPABILITIES = Capabilities(
    payloads=frozenset(PayloadType),
    max_text=4096,
    max_caption=1024,
    uncaptioned=frozenset({PayloadType.AUDIO}),
    # What an upload may be, and how large: https://developers.facebook.com/documentation/
    # business-messaging/whatsapp/business-phone-numbers/media#supported-media-types
    max_file_bytes={
        PayloadType.IMAGE: 5 * _MEGABYTE,
        PayloadType.VIDEO: 16 * _MEGABYTE,
        PayloadType.AUDIO: 16 * _MEGABYTE,
        PayloadType.DOCUMENT: 100 * _MEGABYTE,
    },
    media_types={
        PayloadType.IMAGE: _IMAGES,
        PayloadType.VIDEO: _VIDEOS,
        PayloadType.AUDIO: _AUDIO,
        PayloadType.DOCUMENT: _DOCUMENTS | _IMAGES | _VIDEOS | _AUDIO,
    },
    replies=True,
    reactions=True,
    delivery_receipts=True,
    read_receipts=True,
    session_window=timedelta(hours=24),
    per_second=80.0,
    burst=4,
    per_chat_per_second=1 / 6,
    per_chat_burst=45,
    # `from`, `wa_id` and `recipient_id` of its callbacks have no plus.
    addresses=AddressForm.E164_DIGITS,
)
