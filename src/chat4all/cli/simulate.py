"""`chat4all simulate`: platforms of our own, to develop without an account."""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from chat4all.cli.failure import USAGE, CommandFailed, reporting, run
from chat4all.cli.terminal import say

if TYPE_CHECKING:
    from chat4all.testing.whatsapp import Number

simulate = typer.Typer(help="Simulated platforms, to try things out.", no_args_is_help=True)

TELEGRAM_EXAMPLES = """Example:

\b
  chat4all simulate telegram --port 8081
"""


WHATSAPP_EXAMPLES = """Example:

\b
  chat4all simulate whatsapp --port 8082
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


@simulate.command("whatsapp", epilog=WHATSAPP_EXAMPLES)
def whatsapp(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8082,
    token: Annotated[
        str | None, typer.Option(help="The number's access token; else one is made up.")
    ] = None,
) -> None:
    """Run a WhatsApp of our own, with one number and two people, until Ctrl-C."""
    run(_whatsapp(host, port, token or f"EAA{secrets.token_hex(24)}"))


async def _whatsapp(host: str, port: int, token: str) -> None:
    from chat4all.testing import whatsapp as simulator  # noqa: PLC0415 - only this command needs it

    port = port or _free_port(host)
    url = f"http://{host}:{port}"
    world = simulator.WhatsAppSimulator()
    number = world.add_number(
        access_token=token,
        app_secret=secrets.token_hex(16),
        verify_token=secrets.token_urlsafe(12),
    )
    world.add_template(number, "hello_world", "en_US", "Hello World")
    for name in ("Ana", "Bruno"):
        world.add_person(name)
    with reporting():
        async with world.serve(host, port):
            _tell_whatsapp(url, number)
            await asyncio.Event().wait()


def _tell_whatsapp(url: str, number: Number) -> None:
    people = f"{url}/sim/people"
    say(f"Simulated WhatsApp at {url}; access token {number.access_token}")
    say("Point a Chat4All at it, in another terminal:")
    say(f"  export CHAT4ALL_WHATSAPP_API={url}")
    say("  chat4all serve")
    say(f"  echo {number.access_token} | chat4all connectors add whatsapp --owner USERNAME \\")
    say(f"    --token-stdin --config phone_number_id={number.phone_number_id} \\")
    say(f"    --config app_secret={number.app_secret} --config verify_token={number.verify_token}")
    say("Let it call back, with the id that was printed, and write as Ana:")
    say(f"  curl -X PUT {url}/sim/callback \\")
    say('    -d \'{"url": "http://127.0.0.1:8000/v1/webhooks/whatsapp/ACCOUNT"}\'')
    say(f'  curl {people}/5571990000001/messages -d \'{{"text": "Hello"}}\'')
    say(f"  curl {people}/5571990000001/chat")
    say("Nothing is kept when it stops. Ctrl-C stops it.")
    sys.stdout.flush()


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
