"""`chat4all simulate`: platforms of our own, to develop without an account."""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys
from typing import Annotated

import typer

from chat4all.cli.failure import USAGE, CommandFailed, reporting, run
from chat4all.cli.terminal import say

simulate = typer.Typer(help="Simulated platforms, to try things out.", no_args_is_help=True)

TELEGRAM_EXAMPLES = """Example:

\b
  chat4all simulate telegram --port 8081
"""


@simulate.callback()
def platforms() -> None:
    """Simulated platforms, to try things out."""


@simulate.command("telegram", epilog=TELEGRAM_EXAMPLES)
def telegram(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8081,
    token: Annotated[str | None, typer.Option(help="The bot's token; else one is made up.")] = None,
) -> None:
    """Run a Telegram of our own, with one bot and two people, until Ctrl-C."""
    run(_telegram(host, port, token or f"123456:{secrets.token_urlsafe(26)}"))


async def _telegram(host: str, port: int, token: str) -> None:
    from chat4all.testing import telegram as simulator  # noqa: PLC0415 - only this command needs it

    port = port or _free_port(host)
    work = asyncio.create_task(simulator.run_telegram_simulator(host, port, token))
    listening = asyncio.create_task(_listens(host, port))
    await asyncio.wait([work, listening], return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        _tell(host, port, token)
    listening.cancel()
    try:
        await work
    except simulator.SimulationError as error:
        raise CommandFailed(str(error), code=USAGE) from error


def _tell(host: str, port: int, token: str) -> None:
    url = f"http://{host}:{port}"
    say(f"Simulated Telegram at {url} (play its people there); bot token {token}")
    say("Point a Chat4All at it, in another terminal:")
    say(f"  export CHAT4ALL_TELEGRAM_API={url}")
    say("  chat4all serve")
    say(f"  echo {token} | chat4all connectors add telegram --owner USERNAME --token-stdin")
    say("Nothing is kept when it stops. Ctrl-C stops it.")
    sys.stdout.flush()


def _free_port(host: str) -> int:
    with reporting(), socket.create_server((host, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def _listens(host: str, port: int) -> None:
    """Return once somebody answers there."""
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        await writer.wait_closed()
        return
