"""What names have in common that a person takes for the same."""

from __future__ import annotations

import unicodedata


def username_key(username: str) -> str:
    """Return what two usernames that count as the same have in common."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold())


def search_key(text: str) -> str:
    """Return `text` without case, accents and compatibility forms."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    decomposed = unicodedata.normalize("NFKD", folded)
    return "".join(one for one in decomposed if not unicodedata.combining(one))
