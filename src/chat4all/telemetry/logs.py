"""Structured logs: JSON on standard error, or readable lines on a terminal."""

from __future__ import annotations

import logging
import sys

import structlog

from chat4all.telemetry import current
from chat4all.telemetry.redaction import redact

QUIET = (
    "alembic",
    "httpx",
    "httpcore",
    "aiogram",
    "uvicorn.access",
    "sqlalchemy.engine",
)
"""Loggers that say too much at INFO: addresses, and those of Telegram hold the bot's token."""
OURS = "chat4all"
_OF_CLIENTS = ("Invalid UTF-8 sequence received", '%s - "WebSocket %s"')
"""How uvicorn begins what is a client's fault and no event: a traceback for each frame that is
not UTF-8, and addresses, in which a client may have put its token."""


def configure_logs(
    *, level: str, json: bool, service: str = "chat4all", environment: str = ""
) -> None:
    """Send all logs, ours and those of libraries, through one formatter.

    A line has the trace it belongs to, and in JSON `service` and `env`; secrets, numbers of
    phones and addresses are taken out of it. `level` debug is for ours alone: what libraries
    say at that level holds headers, frames and statements, and so tokens and messages.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _add_trace,
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
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,  # an error's text is redacted too
            redact,
            *([_Signed(service, environment)] if json else []),
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


def _add_trace(
    logger: object, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Name the trace that the line belongs to, where there is one."""
    del logger, method
    trace = current.trace_id()
    if trace:
        event["trace_id"], event["span_id"] = trace, current.span_id()
    return event


class _Signed:
    """Says in every line who writes it."""

    def __init__(self, service: str, environment: str) -> None:
        self._said = {"service": service, **({"env": environment} if environment else {})}

    def __call__(
        self, logger: object, method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        del logger, method
        return {**event, **self._said}


def _is_event(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(_OF_CLIENTS)
