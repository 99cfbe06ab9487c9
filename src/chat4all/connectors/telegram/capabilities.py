"""What Telegram carries for a bot.

The pace is Telegram's advice: 30 a second, 1 a second per chat, 20 a minute per group. The
ids of groups, supergroups and channels are negative.
https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
"""

from __future__ import annotations

from chat4all.domain.capabilities import Capabilities
from chat4all.domain.payload import PayloadType

CAPABILITIES = Capabilities(
    payloads=frozenset({PayloadType.TEXT, PayloadType.LOCATION, PayloadType.CONTACT}),
    max_text=4096,
    max_caption=1024,
    replies=True,
    edits=True,
    deletes=True,
    reactions=True,
    typing=True,
    per_second=30.0,
    per_chat_per_second=1.0,
    per_group_per_minute=20.0,
    group_address=r"-\d+",
)
