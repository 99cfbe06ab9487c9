"""`chat4all connectors`: the bots and numbers through which people are reached."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from chat4all.cli.api import Api
from chat4all.cli.connection import as_operator
from chat4all.cli.contacts import Json
from chat4all.cli.failure import USAGE, CommandFailed, reporting, run
from chat4all.cli.invocation import Invocation, invocation
from chat4all.cli.terminal import moment, print_json, print_table, say

connectors = typer.Typer(
    help="Bots and numbers through which people are reached.", no_args_is_help=True
)
ACCOUNTS = "/v1/admin/connectors/accounts"

Which = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id or name.")]

LIST_EXAMPLES = """Example:

\b
  chat4all connectors list
"""
ADD_EXAMPLES = """Examples:

\b
  chat4all connectors add telegram --owner ana
  echo "$BOT_TOKEN" | chat4all connectors add telegram --owner ana --token-stdin
  chat4all connectors add telegram --owner ana --config api_base=http://127.0.0.1:8081
"""
TEST_EXAMPLES = """Example:

\b
  chat4all connectors test "Shop bot"
"""
TEMPLATES_EXAMPLES = """Example:

\b
  chat4all connectors templates "Shop number"
"""
REMOVE_EXAMPLES = """Example:

\b
  chat4all connectors remove "Shop bot" --yes
"""


@connectors.command("list", epilog=LIST_EXAMPLES)
def list_accounts(context: typer.Context, as_json: Json = False) -> None:
    """List the connected accounts, and the platforms that can be connected."""
    accounts, platforms = run(_list(invocation(context)))
    if as_json:
        print_json({"accounts": accounts, "platforms": platforms})
        return
    print_table(
        ("name", "platform", "state", "since", "last in", "last out", "reason", "id"),
        (
            (
                one["name"],
                one["platform"],
                (one["state"] or ("not running" if one["enabled"] else "disabled")).replace(
                    "_", " "
                ),
                moment(one["state_since"]),
                moment(one["last_inbound_at"]),
                moment(one["last_outbound_at"]),
                one["reason"],
                one["id"],
            )
            for one in accounts
        ),
    )
    print_table(
        ("can be connected", "comes with"), ((one["platform"], one["source"]) for one in platforms)
    )


@connectors.command("add", epilog=ADD_EXAMPLES)
def add(
    context: typer.Context,
    platform: Annotated[str, typer.Argument(help="Such as telegram.")],
    owner: Annotated[str, typer.Option(help="Username of who gets messages from strangers.")],
    name: Annotated[str | None, typer.Option(help="What you call the account.")] = None,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the token from standard input.")
    ] = False,
    config: Annotated[
        list[str] | None,
        typer.Option(help="KEY=VALUE of the connector's own configuration; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Connect a bot or a number; asks for its token."""
    with reporting():
        settings = dict(_pair(one) for one in config or [])
    secret = run(_secret_key(invocation(context), platform))
    with reporting():
        if secret is not None and secret not in settings:
            settings[secret] = _token(platform, from_stdin=token_stdin)
    body = {"platform": platform, "name": name or platform, "config": settings}
    made = run(_add(invocation(context), owner, body))
    if as_json:
        print_json(made)
    else:
        say(f"Connected {made['name']} ({made['id']}); try `chat4all connectors test {made['id']}`")


@connectors.command("test", epilog=TEST_EXAMPLES)
def try_account(context: typer.Context, account: Which, as_json: Json = False) -> None:
    """Ask the platform who the account is.

    That shows that the token works.
    """
    found, identity = run(_test(invocation(context), account))
    if as_json:
        print_json({"id": found["id"], "platform": found["platform"], **identity})
        return
    told = f"it is {identity['name']}" if identity["name"] else "the platform tells no name"
    say(f"{found['name']} ({found['platform']}) works: {told}.")


@connectors.command("templates", epilog=TEMPLATES_EXAMPLES)
def list_templates(context: typer.Context, account: Which, as_json: Json = False) -> None:
    """List the approved templates of an account.

    They can be sent when the platform takes nothing else.
    """
    found = run(_templates(invocation(context), account))
    if as_json:
        print_json(found)
        return
    print_table(
        ("name", "language", "category", "text"),
        ((one["name"], one["language"], one["category"], one["text"]) for one in found),
    )
    if not found:
        say("There are no templates.", stderr=True)


@connectors.command("remove", epilog=REMOVE_EXAMPLES)
def remove(
    context: typer.Context,
    account: Which,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Disconnect and forget an account; conversations stay."""
    with reporting():
        if not yes:
            if not sys.stdin.isatty():
                raise CommandFailed("confirm with --yes", code=USAGE)
            typer.confirm(f"Forget {account} and its token?", abort=True, err=True)
    gone = run(_remove(invocation(context), account))
    if as_json:
        print_json({"removed": gone["id"]})
    else:
        say(f"Removed {gone['name']} ({gone['id']}).")


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise CommandFailed(f"--config {text}: write KEY=VALUE", code=USAGE)
    return key, value


def _token(platform: str, *, from_stdin: bool) -> str:
    if from_stdin:
        token = sys.stdin.readline().strip()
        if not token:
            raise CommandFailed("--token-stdin: standard input holds no token", code=USAGE)
        return token
    if not sys.stdin.isatty():
        raise CommandFailed("give the token with --token-stdin", code=USAGE)
    asked: str = typer.prompt(
        f"Token or password of the {platform} account", hide_input=True, err=True
    )
    return asked.strip()


async def _list(where: Invocation) -> tuple[list[Any], list[Any]]:
    async with as_operator(where) as api:
        accounts = (await api.get(ACCOUNTS))["items"]
        return accounts, (await api.get("/v1/admin/connectors"))["items"]


async def _secret_key(where: Invocation, platform: str) -> str | None:
    async with as_operator(where) as api:
        platforms = (await api.get("/v1/admin/connectors"))["items"]
    for one in platforms:
        if one["platform"] == platform:
            secret: str | None = one["secret"]
            return secret
    installed = ", ".join(one["platform"] for one in platforms)
    raise CommandFailed(f"no connector for {platform}; installed: {installed}")


async def _add(where: Invocation, owner: str, body: dict[str, Any]) -> Any:
    async with as_operator(where) as api:
        return await api.post(ACCOUNTS, {**body, "owner_id": await _owner(api, owner)})


async def _owner(api: Api, username: str) -> str:
    async for one in api.items("/v1/admin/users", query=username):
        if one.get("username", "").casefold() == username.casefold():
            return str(one["id"])
    raise CommandFailed(f"there is no user {username}; `chat4all user list` shows them")


async def _test(where: Invocation, account: str) -> tuple[Any, Any]:
    async with as_operator(where) as api:
        found = await _account(api, account)
        return found, await api.post(f"{ACCOUNTS}/{found['id']}/test", None)


async def _templates(where: Invocation, account: str) -> list[Any]:
    async with as_operator(where) as api:
        found = await _account(api, account)
        templates = await api.get(f"/v1/connectors/accounts/{found['id']}/templates")
        return list(templates["items"])


async def _remove(where: Invocation, account: str) -> Any:
    async with as_operator(where) as api:
        found = await _account(api, account)
        await api.call("DELETE", f"{ACCOUNTS}/{found['id']}")
        return found


async def _account(api: Api, wanted: str) -> dict[str, Any]:
    accounts: list[dict[str, Any]] = (await api.get(ACCOUNTS))["items"]
    found = [one for one in accounts if wanted.lower() == one["id"] or wanted == one["name"]]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(one["id"] for one in found)
        raise CommandFailed(f"several accounts are called {wanted}; give one's id: {ids}")
    raise CommandFailed(f"there is no account {wanted}; `chat4all connectors list` shows them")
