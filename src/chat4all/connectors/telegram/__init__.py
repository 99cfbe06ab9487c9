"""Telegram, by way of a bot. https://core.telegram.org/bots/api.

A bot cannot write first: a person opens the chat with START. Telegram tells bots neither
how far a message came nor that a message was deleted, so there are no receipts and no
incoming deletions. That a person blocked the bot (`my_chat_member`) changes nothing until
the next send to them, which fails as `blocked`.

`connector.TelegramConnector` is not imported here: its library takes seconds and 130 MB to
load, which only those who have a bot should pay.
"""

from __future__ import annotations

from chat4all.connectors.telegram.capabilities import CAPABILITIES
from chat4all.connectors.telegram.config import TelegramConfig

__all__ = ["CAPABILITIES", "TelegramConfig"]
