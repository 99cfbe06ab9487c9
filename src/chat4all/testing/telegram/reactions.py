"""The emoji one may react with. https://core.telegram.org/bots/api#reactiontypeemoji."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chat4all.testing.telegram.model import Json

REACTIONS = frozenset(
    {
        "👍", "👎", "❤", "🔥", "🥰", "👏", "😁", "🤔", "🤯", "😱", "🤬", "😢",
        "🎉", "🤩", "🤮", "💩", "🙏", "👌", "🕊", "🤡", "🥱", "🥴", "😍", "🐳",
        "❤\u200d🔥", "🌚", "🌭", "💯", "🤣", "⚡", "🍌", "🏆", "💔", "🤨", "😐", "🍓",
        "🍾", "💋", "🖕", "😈", "😴", "😭", "🤓", "👻", "👨\u200d💻", "👀", "🎃", "🙈",
        "😇", "😨", "🤝", "✍", "🤗", "🫡", "🎅", "🎄", "☃", "💅", "🤪", "🗿",
        "🆒", "💘", "🙉", "🦄", "😘", "💊", "🙊", "😎", "👾", "🤷\u200d♂", "🤷", "🤷\u200d♀",
        "😡",
    }
)  # fmt: skip


def plain_emoji(emoji: str) -> str:
    """Return the emoji without the variation selector, which clients send or leave out."""
    return emoji.replace("\ufe0f", "")


def reaction_types(emojis: Iterable[str]) -> list[Json]:
    """Return the emojis as the Bot API's list of ReactionType."""
    return [{"type": "emoji", "emoji": emoji} for emoji in emojis]
