"""Fields that a program made harmless, so that no spreadsheet takes them for a formula.

https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import re

_HARMLESS = re.compile(r"'+[=+\-@\t\r]")


def plain(field: str) -> str:
    """Return a field without the apostrophe before what a formula begins with: '+55 is +55."""
    return field[1:] if _HARMLESS.match(field) else field
