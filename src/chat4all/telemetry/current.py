"""Where in a trace this task is: for log lines, and for answers that name their trace."""

from __future__ import annotations

from contextvars import ContextVar

from chat4all.telemetry import trace_context

PLACE: ContextVar[str] = ContextVar("chat4all_trace", default="")
"""The place of the current piece of work; see `ports/tracing.py`."""


def trace_id() -> str:
    """Return the id of the current trace; empty when there is none."""
    return trace_context.trace_id(PLACE.get())


def span_id() -> str:
    """Return the id of the current piece of work; empty when there is none."""
    return trace_context.span_id(PLACE.get())
