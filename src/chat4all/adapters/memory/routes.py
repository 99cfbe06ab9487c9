"""Where each chat is talking, in memory."""

from __future__ import annotations

from datetime import datetime

from chat4all.adapters.memory.directory_state import DirectoryState
from chat4all.domain.ids import AccountId, ConversationId


class MemoryRoutes:
    """`Routes` in memory."""

    def __init__(self, state: DirectoryState) -> None:
        self._state = state

    async def get(self, platform: str, account: AccountId, address: str) -> ConversationId | None:
        """Return the conversation, or None for a chat that never had one."""
        return self._state.routes.get((platform, account, address))

    async def set(
        self, platform: str, account: AccountId, address: str, conversation: ConversationId
    ) -> None:
        """Remember that the talk of this chat is now in `conversation`."""
        self._state.routes[platform, account, address] = conversation

    async def last_inbound(
        self, platform: str, account: AccountId, address: str
    ) -> datetime | None:
        """Return when the person last wrote in this chat, or None when that is not known."""
        return self._state.last_inbound.get((platform, account, address))

    async def heard(self, platform: str, account: AccountId, address: str, at: datetime) -> None:
        """Remember that the person wrote at `at`; an earlier time than is known is ignored."""
        chat = (platform, account, address)
        self._state.last_inbound[chat] = max(at, self._state.last_inbound.get(chat, at))
