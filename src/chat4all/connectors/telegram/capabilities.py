"""What Telegram carries for a bot.

The pace is Telegram's advice: 30 a second, 1 a second per chat, 20 a minute per group. The
ids of groups, supergroups and channels are negative.
https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
"""

from __future__ import annotations

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.payload import PayloadType

_MEGABYTE = 1024**2

CAPABILITIES = Capabilities(
    payloads=frozenset(PayloadType) - {PayloadType.TEMPLATE},
    # Characters as Python counts them: an emoji is one, though entities count it as two.
    max_text=4096,
    max_caption=1024,
    # https://core.telegram.org/bots/api#sending-files
    max_file_bytes={
        PayloadType.IMAGE: 10 * _MEGABYTE,
        PayloadType.VIDEO: 50 * _MEGABYTE,
        PayloadType.AUDIO: 50 * _MEGABYTE,
        PayloadType.DOCUMENT: 50 * _MEGABYTE,
    },
    media_types={
        PayloadType.IMAGE: frozenset({"image/jpeg", "image/png", "image/webp"}),
        PayloadType.VIDEO: frozenset({"video/mp4"}),
        PayloadType.AUDIO: frozenset(
            {"audio/mpeg", "audio/mp4", "audio/x-m4a", "audio/aac", "audio/ogg"}
        ),
    },
    replies=True,
    edits=True,
    deletes=True,
    reactions=True,
    typing=True,
    per_second=30.0,
    per_chat_per_second=1.0,
    per_group_per_minute=20.0,
    group_address=r"-\d+",
    writes_first=False,
)
