"""Where each chat is talking, in memory."""

from __future__ import annotations

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
