"""`chat4all key`: the API keys of programs."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from chat4all.cli.api import Api
from chat4all.cli.connection import as_operator, as_person, person
from chat4all.cli.contacts import Json
from chat4all.cli.failure import run
from chat4all.cli.invocation import Invocation, invocation
from chat4all.cli.terminal import moment, print_json, print_table, say
from chat4all.cli.whom import find_person

keys = typer.Typer(help="API keys of programs.", no_args_is_help=True)

Account = Annotated[str, typer.Argument(help="The service account: its username or id.")]
KeyId = Annotated[str, typer.Argument(help="The id of the key, as `list` shows it.")]
Username = Annotated[
    str | None,
    typer.Option(help="Whose account it is; without it that of the operators."),
]

ACCOUNT_EXAMPLES = """Examples:

\b
  chat4all key account shop-reports --username ana
  chat4all user create backups --service
"""
CREATE_EXAMPLES = """Examples:

\b
  chat4all key create shop-reports --scope read --scope send --username ana
  chat4all key create backups --scope admin --days 90
"""
LIST_EXAMPLES = """Example:

\b
  chat4all key list shop-reports --username ana
"""
ROTATE_EXAMPLES = """Example:

\b
  chat4all key rotate shop-reports 01a2... --overlap 3600 --username ana
"""
REVOKE_EXAMPLES = """Example:

\b
  chat4all key revoke shop-reports 01a2... --username ana
"""


@keys.command("account", epilog=ACCOUNT_EXAMPLES)
def account(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="3 to 64 of A-Z, a-z, 0-9 and . _ @ -")],
    username: Username = None,
    display_name: Annotated[str | None, typer.Option(help="What others see.")] = None,
    as_json: Json = False,
) -> None:
    """Make a service account of your own, for a program."""
    body = {"username": name, "display_name": display_name}
    made = run(_call(invocation(context), username, "POST", json=body))
    if as_json:
        print_json(made)
    else:
        say(f"Created service account {made['username']} ({made['id']}).")


@keys.command("create", epilog=CREATE_EXAMPLES)
def create(
    context: typer.Context,
    account: Account,
    scope: Annotated[
        list[str],
        typer.Option(help="read, send, manage, webhooks, act or admin; may be repeated."),
    ],
    name: Annotated[str, typer.Option(help="What the key is for.")] = "command line",
    days: Annotated[int | None, typer.Option(min=1, help="For how long; else for good.")] = None,
    per_minute: Annotated[int | None, typer.Option(min=1, help="Calls a minute.")] = None,
    username: Username = None,
    as_json: Json = False,
) -> None:
    """Make a key, and show it this once."""
    until = None if days is None else datetime.now(UTC) + timedelta(days=days)
    body = {
        "name": name,
        "scopes": scope,
        "expires_at": until and until.isoformat(),
        "per_minute": per_minute,
    }
    _show(run(_of(invocation(context), username, account, "POST", "/keys", json=body)), as_json)


@keys.command("list", epilog=LIST_EXAMPLES)
def list_keys(
    context: typer.Context, account: Account, username: Username = None, as_json: Json = False
) -> None:
    """List the keys of a service account."""
    found = run(_of(invocation(context), username, account, "GET", "/keys"))["items"]
    if as_json:
        print_json(found)
        return
    print_table(
        ("id", "name", "ends in", "scopes", "last used", "expires", "revoked"),
        (
            (
                one["id"],
                one["name"],
                one["hint"],
                " ".join(one["scopes"]),
                *(moment(one[at]) if one[at] else "" for at in _TIMES),
            )
            for one in found
        ),
    )


@keys.command("rotate", epilog=ROTATE_EXAMPLES)
def rotate(
    context: typer.Context,
    account: Account,
    key: KeyId,
    overlap: Annotated[
        int, typer.Option(help="Seconds for which the old key stays good: 0, or 60 and more.")
    ] = 86_400,
    username: Username = None,
    as_json: Json = False,
) -> None:
    """Make a key in place of another one, and show it this once."""
    path, body = f"/keys/{key}/rotate", {"overlap": overlap}
    _show(run(_of(invocation(context), username, account, "POST", path, json=body)), as_json)


@keys.command("revoke", epilog=REVOKE_EXAMPLES)
def revoke(context: typer.Context, account: Account, key: KeyId, username: Username = None) -> None:
    """Make a key good for nothing, at once."""
    run(_of(invocation(context), username, account, "DELETE", f"/keys/{key}"))
    say(f"Revoked {key}.")


_TIMES = ("used_at", "expires_at", "revoked_at")


def _show(made: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    say(f"id:  {made['id']}")
    say(f"key: {made['key']}")
    say("Keep the key now: it is not shown again.", stderr=True)


async def _of(
    where: Invocation, username: str | None, account: str, method: str, path: str, **more: Any
) -> Any:
    async with _signed_in(where, username) as api:
        found = await find_person(api, account)
        return await api.call(method, f"/v1/service-accounts/{found}{path}", **more)


async def _call(where: Invocation, username: str | None, method: str, **more: Any) -> Any:
    async with _signed_in(where, username) as api:
        return await api.call(method, "/v1/service-accounts", **more)


def _signed_in(where: Invocation, username: str | None) -> AbstractAsyncContextManager[Api]:
    return as_operator(where) if username is None else as_person(where, person(username))
