"""What the user is told when a call to the server failed."""

from __future__ import annotations

import httpx

from chat4all.cli.failure import FAILED, USAGE
from chat4all.client.errors import ClientError, NotReached


def told(error: Exception) -> tuple[str, int] | None:
    """Return the line and the exit code; None when it was no call that failed."""
    match error:
        case NotReached():  # of a transfer
            return f"{error}; run the same command again to go on", FAILED
        case ClientError():
            return str(error), FAILED
        case httpx.InvalidURL():
            return f"the address cannot be read: {error}", USAGE
        case httpx.HTTPError():
            return f"the server does not answer: {str(error) or type(error).__name__}", FAILED
        case _:
            return None
