"""Structured logs: JSON on standard error, or readable lines on a terminal."""

from __future__ import annotations

import logging
import sys

import structlog

QUIET = (
    "alembic",
    "httpx",
    "httpcore",
    "aiogram",
    "aiosqlite",
    "uvicorn.access",
    "sqlalchemy.engine",
)
"""Loggers that say too much at INFO: addresses, and those of Telegram hold the bot's token."""
OURS = "chat4all"
_OF_CLIENTS = ("Invalid UTF-8 sequence received", '%s - "WebSocket %s"')
"""How uvicorn begins what is a client's fault and no event: a traceback for each frame that is
not UTF-8, and addresses, in which a client may have put its token."""


def configure_logs(*, level: str, json: bool) -> None:
    """Send all logs, ours and those of libraries, through one formatter.

    `level` debug is for ours alone: what libraries say at that level holds headers, frames
    and statements, and so tokens and messages.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # The default shows local variables, and those may hold tokens and messages.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    chain: list[structlog.typing.Processor] = (
        [*shared, structlog.processors.format_exc_info] if json else shared
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=chain,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *([structlog.processors.format_exc_info] if json else []),
            last,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    number = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(max(number, logging.INFO))
    logging.getLogger(OURS).setLevel(number)
    # Its start and stop are told in our own words.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_is_event)


def _is_event(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(_OF_CLIENTS)
