"""The `chat4all` program whose access tokens last three seconds; nothing else is changed."""

from __future__ import annotations

import sys
from datetime import timedelta

from chat4all.cli import main
from chat4all.gateway.auth import access_tokens

PROGRAM = (sys.executable, "-m", "tests.client.short_tokens")
SECONDS = 3.0

if __name__ == "__main__":
    vars(access_tokens)["LIFETIME"] = timedelta(seconds=SECONDS)
    main()
