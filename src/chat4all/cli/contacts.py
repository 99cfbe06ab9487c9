"""`chat4all contact`: somebody's address book."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from chat4all.cli.api import explain
from chat4all.cli.connection import Credentials, as_person, person
from chat4all.cli.failure import FAILED, USAGE, CommandFailed, reporting, run
from chat4all.cli.invocation import Invocation, invocation
from chat4all.cli.terminal import print_json, print_table, say

contacts = typer.Typer(help="One's address book.", no_args_is_help=True)

Username = Annotated[
    str | None,
    typer.Option(help="Who you are; else CHAT4ALL_USERNAME. Password: CHAT4ALL_PASSWORD or asked."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

ADD_EXAMPLES = """Examples:

\b
  chat4all contact add "Bia Souza" --channel telegram:123456789 --username ana
  chat4all contact add "Test phone" --channel mock:+5562900000001
"""
IMPORT_EXAMPLES = """Examples:

\b
  chat4all contact import contacts.csv --region BR --dry-run
  chat4all contact import contacts.vcf --username ana
"""
_TYPES = {".csv": "text/csv", ".vcf": "text/vcard"}
_COUNTED = ("created", "merged", "unchanged", "refused")
EXPORT_EXAMPLES = """Examples:

\b
  chat4all contact export contacts.csv --username ana
  chat4all contact export contacts.vcf
"""
MERGE_EXAMPLES = """Example:

\b
  chat4all contact merge 01980e5a-0000-7000-8000-000000000001 \\
    01980e5a-0000-7000-8000-000000000002 --dry-run
"""
MERGES_EXAMPLES = """Example:

\b
  chat4all contact merges --username ana
"""
DUPLICATES_EXAMPLES = """Example:

\b
  chat4all contact duplicates --username ana
"""
UNDO_EXAMPLES = """Example:

\b
  chat4all contact undo-merge 01980e5a-0000-7000-8000-000000000003
"""
_FORMATS = {".csv": "csv", ".vcf": "vcard"}
LIST_EXAMPLES = """Example:

\b
  chat4all contact list --username ana
"""


@contacts.command("add", epilog=ADD_EXAMPLES)
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What you call the contact.")],
    channel: Annotated[
        list[str] | None,
        typer.Option(help="PLATFORM:ID at which the contact is reached; may be repeated."),
    ] = None,
    username: Username = None,
    as_json: Json = False,
) -> None:
    """Keep somebody in your address book."""
    with reporting():
        channels = [_channel(one) for one in channel or []]
        who = person(username)
    body = {"display_name": name, "channels": channels}
    made = run(_add(invocation(context), who, body))
    if as_json:
        print_json(made)
    else:
        say(f"Added {made['display_name']} ({made['id']}).")


@contacts.command("list", epilog=LIST_EXAMPLES)
def list_contacts(
    context: typer.Context,
    query: Annotated[str, typer.Option(help="Part of a name.")] = "",
    username: Username = None,
    as_json: Json = False,
) -> None:
    """List your contacts and how each is reached."""
    with reporting():
        who = person(username)
    found = run(_list(invocation(context), who, query))
    if as_json:
        print_json(found)
        return
    rows = (
        (one["display_name"], ", ".join(_shown(each) for each in one["channels"]), one["id"])
        for one in found
    )
    print_table(("name", "channels", "id"), rows)


@contacts.command("import", epilog=IMPORT_EXAMPLES)
def import_contacts(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A .csv or .vcf file, at most 10 MiB.")],
    region: Annotated[
        str | None, typer.Option(help="Country of the numbers that name none, such as BR.")
    ] = None,
    platform: Annotated[
        str | None, typer.Option(help="Where the phone numbers are reached, such as whatsapp.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would become of it.")
    ] = False,
    username: Username = None,
    as_json: Json = False,
) -> None:
    """Take a file of contacts into your address book; again, it changes nothing."""
    with reporting():
        kind = _TYPES.get(file.suffix.lower())
        if kind is None:
            raise CommandFailed(f"{file}: name it .csv or .vcf, as what it is", code=USAGE)
        try:
            body = file.read_bytes()
        except OSError as error:
            raise CommandFailed(f"{file}: {error.strerror}") from error
        who = person(username)
    asked = {"region": region, "platform": platform, "dry_run": "true" if dry_run else None}
    params = {name: value for name, value in asked.items() if value is not None}
    told = run(_import(invocation(context), who, body, kind, params))
    if as_json:
        print_json(told)
    else:
        _print_import(told)
    if told["refused"]:
        raise typer.Exit(FAILED)


@contacts.command("export", epilog=EXPORT_EXAMPLES)
def export_contacts(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The .csv or .vcf file to write.")],
    username: Username = None,
) -> None:
    """Write your address book to a file; imported again, it changes nothing."""
    with reporting():
        kind = _FORMATS.get(file.suffix.lower())
        if kind is None:
            raise CommandFailed(f"{file}: name it .csv or .vcf, as what it shall be", code=USAGE)
        who = person(username)
    written = run(_export(invocation(context), who, file, kind))
    say(f"Wrote {file} ({written:,} bytes).")


@contacts.command("merge", epilog=MERGE_EXAMPLES)
def merge(
    context: typer.Context,
    kept: Annotated[str, typer.Argument(help="The id of the contact that is kept.")],
    others: Annotated[
        list[str], typer.Argument(help="The ids of those that are the same person; up to 20.")
    ],
    name: Annotated[
        str | None, typer.Option(help="What the person is called; else as the kept contact.")
    ] = None,
    prefer: Annotated[
        str | None, typer.Option(help="Their preferred channel; else that of the kept contact.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would come of it.")
    ] = False,
    username: Username = None,
    as_json: Json = False,
) -> None:
    """Say that contacts are one person; `undo-merge` takes it back for 30 days."""
    with reporting():
        who = person(username)
    wishes = {"display_name": name, "preferred_channel": prefer}
    body = {key: value for key, value in wishes.items() if value is not None}
    path = f"/v1/contacts/{kept}/merge{'?dry_run=true' if dry_run else ''}"
    told = run(_post(invocation(context), who, path, {"contact_ids": others, **body}))
    if as_json:
        print_json(told)
    else:
        _print_merge(told)


@contacts.command("duplicates", epilog=DUPLICATES_EXAMPLES)
def duplicates(context: typer.Context, username: Username = None, as_json: Json = False) -> None:
    """List contacts that have the same number or address: to be merged, perhaps."""
    with reporting():
        who = person(username)
    found = run(_all(invocation(context), who, "/v1/contacts/duplicates"))
    if as_json:
        print_json(found)
        return
    rows = (
        (one["address"], each["display_name"], each["id"])
        for one in found
        for each in one["contacts"]
    )
    print_table(("address", "name", "id"), rows)


@contacts.command("merges", epilog=MERGES_EXAMPLES)
def merges(context: typer.Context, username: Username = None, as_json: Json = False) -> None:
    """List what you merged, the newest first, and until when it can be undone."""
    with reporting():
        who = person(username)
    found = run(_all(invocation(context), who, "/v1/contacts/merges"))
    if as_json:
        print_json(found)
        return
    rows = (
        (
            one["id"],
            one["contact_id"],
            ", ".join(each["display_name"] for each in one["merged"]),
            "undone" if one["undone_at"] else f"can be undone until {one['undo_until'][:16]}Z",
        )
        for one in found
    )
    print_table(("merge", "kept contact", "merged", "state"), rows)


@contacts.command("undo-merge", epilog=UNDO_EXAMPLES)
def undo_merge(
    context: typer.Context,
    merge_id: Annotated[str, typer.Argument(help="The id that `merge` told, or `merges` lists.")],
    username: Username = None,
    as_json: Json = False,
) -> None:
    """Make contacts what they were before a merge: all of them, or none."""
    with reporting():
        who = person(username)
    undone = run(_post(invocation(context), who, f"/v1/contacts/merges/{merge_id}/undo", None))
    if as_json:
        print_json(undone)
        return
    names = (f"{one['display_name']} ({one['id']})" for one in undone["contacts"])
    say(f"As before: {', '.join(names)}.")


def _print_merge(told: dict[str, Any]) -> None:
    contact = told["contact"]
    print_table(
        ("what", "value", "not kept"),
        [
            *(
                (one["name"], one["value"] or "", ", ".join(one["others"]))
                for one in told["fields"]
            ),
            ("channels", ", ".join(_shown(one) for one in contact["channels"]), ""),
            ("conversations", str(told["conversation_count"]), "show another name"),
        ],
    )
    if told["dry_run"]:
        say("Nothing was changed.")
    else:
        say(f"Merged. To take it back: chat4all contact undo-merge {told['merge_id']}")


def _print_import(told: dict[str, Any]) -> None:
    rows = [
        (str(one["line"]), one["status"], one["detail"]) for one in told["rows"] if one["detail"]
    ]
    if rows:
        print_table(("line", "what became of it", "why"), rows)
    counts = ", ".join(f"{told[one]} {one}" for one in _COUNTED)
    say(f"{'Would be' if told['dry_run'] else 'Done'}: {counts}.")


def _channel(text: str) -> dict[str, str]:
    platform, colon, external_id = text.partition(":")
    if not colon or not platform or not external_id:
        raise CommandFailed(
            f"--channel {text}: write PLATFORM:ID, such as telegram:123456789", code=USAGE
        )
    return {"platform": platform, "external_id": external_id}


def _shown(channel: dict[str, str]) -> str:
    return f"{channel['platform']}:{channel['external_id']}"


async def _add(where: Invocation, who: Credentials, body: dict[str, Any]) -> Any:
    async with as_person(where, who) as api:
        return await api.post("/v1/contacts", body)


async def _list(where: Invocation, who: Credentials, query: str) -> list[Any]:
    async with as_person(where, who) as api:
        return [one async for one in api.items("/v1/contacts", query=query)]


async def _post(where: Invocation, who: Credentials, path: str, body: Any) -> Any:
    async with as_person(where, who) as api:
        return await api.call("POST", path, json=body)


async def _all(where: Invocation, who: Credentials, path: str) -> list[Any]:
    async with as_person(where, who) as api:
        return [one async for one in api.items(path)]


async def _export(where: Invocation, who: Credentials, file: Path, kind: str) -> int:
    """Write the export beside `file`, and give it the name once it is whole."""
    part = file.with_name(f"{file.name}.part")
    async with as_person(where, who) as api:
        url = f"/v1/contacts/export?format={kind}"
        async with api.stream(url, {}) as answer:
            if not answer.is_success:
                await answer.aread()
                raise CommandFailed(explain(answer))
            try:
                with part.open("wb") as target:
                    async for piece in answer.aiter_bytes():
                        target.write(piece)
                    size = target.tell()
                part.replace(file)
            except OSError as error:
                raise CommandFailed(f"{file}: {error.strerror}") from error
            finally:
                part.unlink(missing_ok=True)
    return size


async def _import(
    where: Invocation, who: Credentials, body: bytes, kind: str, params: dict[str, str]
) -> Any:
    async with as_person(where, who) as api:
        return await api.call(
            "POST",
            "/v1/contacts/import",
            content=body,
            params=params,
            headers={"Content-Type": kind},
        )
