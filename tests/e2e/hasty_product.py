"""The `chat4all` program with platforms that take a hundred times as much in a second.

WhatsApp takes one message in six seconds for one person, so 800 messages to somebody need 80
minutes. Here the pace of both connectors is `HASTE` times theirs and nothing else is
changed; the simulators' own limits are raised alike (`telegram_limits`, `whatsapp_limits`),
so they refuse what is too fast as before.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from types import ModuleType

from chat4all.cli import main
from chat4all.connectors import telegram, whatsapp
from chat4all.domain.capabilities import Capabilities
from chat4all.testing.telegram import RateLimits as TelegramLimits
from chat4all.testing.whatsapp import RateLimits as WhatsAppLimits

HASTE = 100
PROGRAM = (sys.executable, "-m", "tests.e2e.hasty_product")


def telegram_limits() -> TelegramLimits:
    """Return Telegram's limits in this haste."""
    usual = TelegramLimits()
    return TelegramLimits(
        overall_per_second=HASTE * (usual.overall_per_second or 0),
        per_chat_per_second=HASTE * (usual.per_chat_per_second or 0),
        per_group_per_minute=HASTE * (usual.per_group_per_minute or 0),
    )


def whatsapp_limits() -> WhatsAppLimits:
    """Return WhatsApp's limits in this haste."""
    usual = WhatsAppLimits()
    return WhatsAppLimits(
        per_second=HASTE * (usual.per_second or 0),
        pair_seconds=(usual.pair_seconds or 0.0) / HASTE,
        pair_burst=usual.pair_burst,
    )


def hasty(can: Capabilities) -> Capabilities:
    """Return what a channel can, with another pace."""
    return replace(
        can,
        per_second=HASTE * (can.per_second or 0.0),
        per_chat_per_second=HASTE * (can.per_chat_per_second or 0.0),
        per_group_per_minute=HASTE * (can.per_group_per_minute or 0.0) or None,
    )


def _hasten(package: ModuleType) -> None:
    faster = hasty(package.CAPABILITIES)
    vars(package)["CAPABILITIES"] = vars(package.capabilities)["CAPABILITIES"] = faster


if __name__ == "__main__":
    for one in (telegram, whatsapp):
        _hasten(one)
    main()
