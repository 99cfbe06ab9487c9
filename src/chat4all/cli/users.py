"""`chat4all user`: accounts of people and of programs."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from chat4all.cli.connection import as_operator
from chat4all.cli.failure import USAGE, CommandFailed, reporting, run
from chat4all.cli.invocation import Invocation, invocation
from chat4all.cli.terminal import moment, print_json, print_table, say

users = typer.Typer(help="Accounts of people and of programs.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

CREATE_EXAMPLES = """Examples:

\b
  chat4all user create ana --display-name "Ana Lima"
  echo "$SECRET" | chat4all user create root --admin --password-stdin
  chat4all user create reports --service
"""
LIST_EXAMPLES = """Example:

\b
  chat4all user list --query ana --json
"""


@users.command("create", epilog=CREATE_EXAMPLES)
def create(
    context: typer.Context,
    username: Annotated[str, typer.Argument(help="3 to 64 of A-Z, a-z, 0-9 and . _ @ -")],
    display_name: Annotated[str | None, typer.Option(help="What others see.")] = None,
    email: Annotated[str | None, typer.Option(help="Of a person.")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="May administer the server.")] = False,
    service: Annotated[
        bool, typer.Option("--service", help="A program: it gets a secret, shown this once.")
    ] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make an account; asks for the password unless it is a service."""
    with reporting():
        body: dict[str, Any] = {"username": username, "admin": admin}
        if service:
            body["display_name"] = display_name or username
            path = "/v1/admin/services"
        else:
            body |= {"display_name": display_name, "email": email}
            body["password"] = _password(username, from_stdin=password_stdin)
            path = "/v1/admin/people"
    made = run(_post(invocation(context), path, body))
    if as_json:
        print_json(made)
    elif service:
        say(f"client_id:     {made['client_id']}")
        say(f"client_secret: {made['client_secret']}")
        say("Keep the secret now: it is not shown again.", stderr=True)
    else:
        what = "administrator" if made["admin"] else "user"
        say(f"Created {what} {made['username']} ({made['id']}).")


@users.command("list", epilog=LIST_EXAMPLES)
def list_users(
    context: typer.Context,
    query: Annotated[str, typer.Option(help="Part of a name.")] = "",
    as_json: Json = False,
) -> None:
    """List people and services."""
    found = run(_list(invocation(context), query))
    if as_json:
        print_json(found)
        return
    print_table(
        ("username", "name", "kind", "admin", "created", "id"),
        (
            (
                one.get("username", ""),
                one["display_name"],
                one["kind"],
                "yes" if one["admin"] else "",
                moment(one["created_at"]),
                one["id"],
            )
            for one in found
        ),
    )


def _password(username: str, *, from_stdin: bool) -> str:
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise CommandFailed("--password-stdin: standard input holds no password", code=USAGE)
        return password
    if not sys.stdin.isatty():
        raise CommandFailed("give the password with --password-stdin", code=USAGE)
    asked: str = typer.prompt(
        f"Password for {username}", hide_input=True, confirmation_prompt=True, err=True
    )
    return asked


async def _post(where: Invocation, path: str, body: dict[str, Any]) -> Any:
    async with as_operator(where) as api:
        return await api.post(path, body)


async def _list(where: Invocation, query: str) -> list[Any]:
    async with as_operator(where) as api:
        return [one async for one in api.items("/v1/admin/users", query=query)]
