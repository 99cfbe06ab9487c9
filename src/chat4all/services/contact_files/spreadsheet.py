"""Fields that a spreadsheet would take for a formula, made harmless and back.

https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uFF0B\uFF0D\uFF1D\uFF20]")
"""What a formula begins with, also in full width; after apostrophes that a field has itself."""


def harmless(field: str) -> str:
    """Return a field that every spreadsheet takes for text."""
    return f"'{field}" if _FORMULA.match(field) else field


def plain(field: str) -> str:
    """Return what was made harmless."""
    return field[1:] if field.startswith("'") and _FORMULA.match(field) else field
