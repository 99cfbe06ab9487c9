"""The emoji that Telegram allows as reactions.

https://core.telegram.org/bots/api#reactiontypeemoji
"""

from __future__ import annotations

_SELECTOR = "\ufe0f"

_ALLOWED = frozenset(  # iterating a text gives its emoji, one code point each
    "👍👎❤🔥🥰👏😁🤔🤯😱🤬😢🎉🤩🤮💩🙏👌🕊🤡🥱🥴😍🐳🌚🌭💯🤣⚡🍌🏆💔🤨😐🍓"
    "🍾💋🖕😈😴😭🤓👻👀🎃🙈😇😨🤝✍🤗🫡🎅🎄☃💅🤪🗿🆒💘🙉🦄😘💊🙊😎👾🤷😡"
) | {"❤\u200d🔥", "👨\u200d💻", "🤷\u200d♂", "🤷\u200d♀"}

_QUALIFIED = {
    emoji.replace(_SELECTOR, ""): emoji
    for emoji in (
        "❤\ufe0f",
        "❤\ufe0f\u200d🔥",
        "🕊\ufe0f",
        "✍\ufe0f",
        "☃\ufe0f",
        "🤷\u200d♂\ufe0f",
        "🤷\u200d♀\ufe0f",
    )
}


def to_telegram(emoji: str) -> str | None:
    """Return the emoji as Telegram spells it, or None when it is not among the allowed."""
    plain = emoji.replace(_SELECTOR, "")
    return plain if plain in _ALLOWED else None


def from_telegram(emoji: str) -> str:
    """Return the emoji as keyboards spell it, so that equal reactions are counted together."""
    return _QUALIFIED.get(emoji, emoji)
