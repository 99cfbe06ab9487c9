"""Serves some of the roles over HTTP, and waits for their engines as long as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import structlog

from chat4all.bootstrap.front import Front
from chat4all.bootstrap.http_server import run_app
from chat4all.bootstrap.media import require_scanner
from chat4all.bootstrap.operator import OperatorKey, operator_file
from chat4all.bootstrap.role_node import RoleNode, Roles, open_roles
from chat4all.bootstrap.server import listen_on, set_up_logs
from chat4all.domain.errors import EngineMissing, Unavailable
from chat4all.settings import Settings

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
"""How often engines are tried that were not there."""

Opened = Callable[[Settings], AbstractAsyncContextManager[RoleNode]]
"""Opens what a process runs."""


async def serve_files(settings: Settings, *, on_ready: Callable[[str], None]) -> None:
    """Run the role `files` until SIGINT or SIGTERM; otherwise as `serve_roles`."""
    from chat4all.bootstrap.files_role import open_files_node  # noqa: PLC0415 - of this role only

    await _serve_once_there(settings, open_files_node, on_ready)


async def serve_roles(settings: Settings, roles: Roles, *, on_ready: Callable[[str], None]) -> None:
    """Run some of the roles until SIGINT or SIGTERM; `on_ready` is told the address.

    What its engines lack is waited for, and told by `/readyz` meanwhile. Raises
    `StartRefused` when a setting is wrong.
    """
    await _serve_once_there(settings, partial(open_roles, roles=roles), on_ready)


async def _serve_once_there(
    settings: Settings, opened: Opened, on_ready: Callable[[str], None]
) -> None:
    set_up_logs(settings)
    listener = listen_on(settings)
    try:
        host, port = listener.getsockname()[:2]
        settings = settings.model_copy(update={"port": port})
        front, url = Front(), f"http://{host}:{port}"
        working = asyncio.create_task(_work(settings, opened, front, lambda: on_ready(url)))
        answering = asyncio.create_task(
            run_app(front, listener, lambda: None, on_stop=front.farewell)
        )
        try:
            await asyncio.wait([working, answering], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (answering, working):
                task.cancel()
            await asyncio.wait([answering, working])
        for task in (working, answering):
            if not task.cancelled():
                task.result()
    finally:
        listener.close()


async def _work(
    settings: Settings, opened: Opened, front: Front, on_ready: Callable[[], None]
) -> None:
    """Run what `opened` gives as soon as its engines are there, until cancelled."""
    while True:
        try:
            await require_scanner(settings)
            async with opened(settings) as node:
                front.hand_over(node.app, node.farewell)
                async with _told(settings, node.operator):
                    on_ready()
                    await asyncio.Event().wait()
        except (EngineMissing, Unavailable) as error:
            log.warning("not ready: an engine is waited for", detail=str(error))
            front.wait_for(str(error))
        await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def _told(settings: Settings, key: OperatorKey | None) -> AsyncIterator[None]:
    """Tell the command line of a gateway, as long as it runs."""
    if key is None:
        yield
        return
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = f"http://{settings.host}:{settings.port}"
    async with operator_file(settings.data_dir, key, url):
        yield
