"""What can go wrong in the simulator, in Telegram's words and in ours.

    Exception
    ├── BotApiError            a bot asked for something Telegram refuses
    ├── ConnectionLost         the answer to a bot is to be lost on purpose
    └── SimulationError        a person cannot do this
        └── NoSuchParticipant  ... because there is no such person, bot or chat

The descriptions are those of the Bot API server, since clients compare them.
"""

from __future__ import annotations


class BotApiError(Exception):
    """An answer with `ok: false`.

    `code` is both the HTTP status and the `error_code`; `retry_after` is in seconds,
    `migrate_to` the id that a group has as a supergroup.
    """

    def __init__(
        self,
        code: int,
        description: str,
        *,
        retry_after: int | None = None,
        migrate_to: int | None = None,
    ) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after
        self.migrate_to = migrate_to


class ConnectionLost(Exception):
    """The connection is to be cut instead of answering."""


class SimulationError(Exception):
    """A person tried what the Telegram app would not let them do."""


class NoSuchParticipant(SimulationError):
    """The person, bot, group or message does not exist."""


def bad_request(reason: str) -> BotApiError:
    """Return the 400 whose description begins as Telegram's do."""
    return BotApiError(400, f"Bad Request: {reason}")


def forbidden(reason: str) -> BotApiError:
    """Return the 403 whose description begins as Telegram's do."""
    return BotApiError(403, f"Forbidden: {reason}")


def conflict(reason: str) -> BotApiError:
    """Return the 409 that getUpdates and webhooks give each other."""
    return BotApiError(409, f"Conflict: {reason}")


def upgraded(migrate_to: int) -> BotApiError:
    """Return the 400 of a group that is a supergroup by now."""
    reason = "Bad Request: group chat was upgraded to a supergroup chat"
    return BotApiError(400, reason, migrate_to=migrate_to)


def too_many_requests(retry_after: int) -> BotApiError:
    """Return the 429 that asks to wait `retry_after` seconds."""
    return BotApiError(
        429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after
    )
