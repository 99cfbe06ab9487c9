"""Which conversation a chat on a platform is talking in, and when it last wrote."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from chat4all.domain.ids import AccountId, ConversationId


class Routes(Protocol):
    """One conversation per chat: the one it last sent to or received from.

    A person on a platform has one chat with our account and may be in several of our
    conversations; what they write goes where the talk was. Durable, last write wins.
    """

    async def get(self, platform: str, account: AccountId, address: str) -> ConversationId | None:
        """Return the conversation, or None for a chat that never had one."""
        ...

    async def set(
        self, platform: str, account: AccountId, address: str, conversation: ConversationId
    ) -> None:
        """Remember that the talk of this chat is now in `conversation`."""
        ...

    async def last_inbound(
        self, platform: str, account: AccountId, address: str
    ) -> datetime | None:
        """Return when the person last wrote in this chat, or None when that is not known."""
        ...

    async def heard(self, platform: str, account: AccountId, address: str, at: datetime) -> None:
        """Remember that the person wrote at `at`; an earlier time than is known is ignored."""
        ...
