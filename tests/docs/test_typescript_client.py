"""The TypeScript that the pages show is compiled and run, as written, against a live server."""

from __future__ import annotations

import asyncio
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chat4all.client import Client
from chat4all.domain.ids import new_id
from chat4all.domain.webhook_signature import new_secret, signed_headers
from tests.client.people import PASSWORD, history, two_people
from tests.client.programs import allow, program_of
from tests.client.test_webhooks import BODY
from tests.e2e.product import running_server
from tests.sdk.built import install_into, packages

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```ts\n(.*?)^```$", re.MULTILINE | re.DOTALL)
IMPORT = re.compile(r"^import .*\n", re.MULTILINE)
STRICT = "--strict --module nodenext --target es2022 --lib es2022,dom --types node --skipLibCheck"

# The names that the page takes for granted; each of its programs is a function of its own.
BEFORE = """
import { Conflict, Invalid, NotReached, verifyWebhook } from "@chat4all/client";
const given = JSON.parse(process.env.GIVEN ?? "");
const { talk, password, cursor, key, API_KEY, SECRET }: Record<string, any> = given;
const { headers, body } = given;
const request = new Request("http://receiver", { method: "POST", headers, body });
const ada = await Client.signIn(given.url, "ada", password, { WebSocket });
class Enough extends Error {}
function keep(_cursor: string): void {
  throw new Enough();
}
function unlessEnough(error: unknown): void {
  if (!(error instanceof Enough)) throw error;
}
"""


def blocks(page: str) -> list[str]:
    return BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))


async def ended(folder: Path, *command: object, **environment: str) -> str:
    """Run a command that must succeed; return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def compiled(folder: Path, program: str) -> Path:
    """Compile a program strictly, in a folder where it finds the client."""
    install_into(folder)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "program.ts").write_text(program, encoding="utf-8")
    await ended(folder, packages() / ".bin" / "tsc", *STRICT.split(), "program.ts")
    return folder / "program.js"


async def test_the_program_of_the_readme_works(tmp_path: Path) -> None:
    [shown] = blocks("README.md")
    assert len([line for line in shown.splitlines() if line]) <= 10
    async with (
        running_server(tmp_path, {}) as url,
        two_people(url, "ada", "bob") as (ada, bob, talk),
    ):
        await ada.send(talk, "Before")
        await history(ada, talk, 1)
        program = await compiled(tmp_path, shown.replace("http://127.0.0.1:8000", url))
        process = await asyncio.create_subprocess_exec(
            "node", program, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        try:
            assert await process.stdout.readline() == b"2 Hello from TypeScript\n"
            await bob.send(talk, "Hi again!")
            assert await process.stdout.readline() == b"3 Hi again!\n"
        finally:
            process.kill()
            await process.wait()


async def test_the_programs_of_the_page_do_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no film")
    page = "".join(blocks("docs/howto/use-the-typescript-client.md"))
    parts = blocks("docs/howto/use-the-typescript-client.md")
    async with (
        running_server(tmp_path, {}) as url,
        two_people(url, "ada", "bob") as (ada, bob, _),
    ):
        bodies = [IMPORT.sub("", one).replace("https://chat.example.org", url) for one in parts]
        runs = [f"await (async () => {{\n{one}}})().catch(unlessEnough);\n" for one in bodies]
        program = "".join([*IMPORT.findall(page), BEFORE, *runs, "process.exit();\n"])
        made = await program_of(ada, "reports", "read", "send", "act")
        await allow(ada, made)
        group = {"type": "group", "member_ids": [bob.user.id, made.id], "name": "Lunch"}
        talk = (await ada.call("POST", "/v1/conversations", group))["id"]
        given = json.dumps(await what_is_given(ada, url, talk, made.key))
        output = await ended(tmp_path, "node", await compiled(tmp_path, program), GIVEN=given)
    lines = output.splitlines()
    assert lines[:2] == ["ada", "ada"]
    later = [line.partition(" ")[2] for line in lines[2:4]]
    texts = ["Leave now, it rains!", "Good morning"]
    assert later == [f"{{ type: 'text', text: '{words}' }}" for words in texts]
    assert lines[4] == "1 { type: 'text', text: 'All is well' }"
    assert lines[5:-2] == ["0%", "100%"]
    assert lines[-2:] == ["[ '/payload/text' ]", "01a2 chat4all.deleted deleted"]
    assert (tmp_path / "copy.mp4").read_bytes() == b"no film"


async def what_is_given(ada: Client, url: str, talk: str, api_key: str) -> dict[str, object]:
    secret = new_secret()
    return {
        "url": url,
        "password": PASSWORD,
        "talk": {"id": talk},
        "API_KEY": api_key,
        "cursor": await ada.cursor(),
        "key": new_id(),
        "SECRET": secret,
        "headers": signed_headers([secret], "01a2", BODY, datetime.now(UTC)),
        "body": BODY.decode(),
    }
