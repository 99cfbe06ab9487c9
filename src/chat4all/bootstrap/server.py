"""Serves a node over HTTP until it is told to stop."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable

from chat4all.bootstrap.media import require_scanner
from chat4all.bootstrap.opening import open_node
from chat4all.bootstrap.operator import operator_file
from chat4all.bootstrap.storage import locked
from chat4all.domain.errors import BadSettings
from chat4all.settings import Settings
from chat4all.telemetry.logs import configure_logs


async def serve(settings: Settings, *, on_ready: Callable[[str], None]) -> None:
    """Run the product until SIGINT or SIGTERM; `on_ready` is told the address.

    Raises `StartRefused` when it cannot start.
    """
    set_up_logs(settings)
    with locked(settings.data_dir):  # first: who serves the folder most likely has the port too
        listener = listen_on(settings)
    try:
        host, port = listener.getsockname()[:2]
        settings = settings.model_copy(update={"port": port})
        await require_scanner(settings)
        async with open_node(settings) as node:
            from chat4all.bootstrap.http_server import run_app  # noqa: PLC0415 - loaded meanwhile

            url = f"http://{host}:{port}"
            async with operator_file(settings.data_dir, node.operator, url):
                await run_app(node.app, listener, lambda: on_ready(url), on_stop=node.farewell)
    finally:
        listener.close()


def set_up_logs(settings: Settings) -> None:
    """Tell what happens as the settings say."""
    configure_logs(
        level=settings.log_level,
        json=_as_json(settings),
        service=settings.service_name,
        environment=settings.environment,
    )


def _as_json(settings: Settings) -> bool:
    if settings.log_format == "auto":
        return not sys.stderr.isatty()
    return settings.log_format == "json"


def listen_on(settings: Settings) -> socket.socket:
    """Return a listening socket. Raises `BadSettings` when the address is taken."""
    try:
        return socket.create_server((settings.host, settings.port), backlog=2048)
    except OSError as error:
        raise BadSettings(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
            "choose another with --host and --port"
        ) from error
