"""What the page about the Python client shows is run, against a live server."""

from __future__ import annotations

import ast
import re
import types
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import chat4all.client
from chat4all.domain.ids import new_id
from chat4all.domain.webhook_signature import new_secret, signed_headers
from tests.client.people import PASSWORD, two_people
from tests.client.programs import allow, program_of
from tests.client.test_webhooks import BODY
from tests.e2e.product import running_server

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "use-the-python-client.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = "https://chat.example.org"


class Enough(Exception):
    """The program of the page would go on for ever."""


class Request:
    """One of a web framework, with a webhook."""

    def __init__(self, secret: str) -> None:
        self.headers = signed_headers([secret], "01a2", BODY, datetime.now(UTC))

    async def body(self) -> bytes:
        return BODY


def keep(event: object) -> None:
    raise Enough


async def run(code: str, names: dict[str, Any]) -> None:
    program = compile(code, PAGE.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    await types.FunctionType(program, names)()


@pytest.mark.slow
async def test_the_programs_of_the_page_do_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "film.mp4").write_bytes(b"no film")
    sign_in, api_key, send, follow, file, refused, webhook = BLOCK.findall(PAGE.read_text("utf-8"))
    async with (
        running_server(tmp_path, {}) as url,
        two_people(url, "ada", "bob") as (ada, bob, _),
    ):
        secret = new_secret()
        program = await program_of(bob, "reports", "read", "send", "act")
        await allow(ada, program)
        reported = await ada.private_chat(program.id)
        names = {
            **{name: getattr(chat4all.client, name) for name in chat4all.client.__all__},
            "aclosing": aclosing,
            "Path": Path,
            "keep": keep,
            "key": new_id(),
            "ada": ada,
            "talk": await ada.private_chat(bob.user.id),
            "password": PASSWORD,
            "API_KEY": program.key,
            "cursor": await ada.cursor(),
            "SECRET": secret,
            "request": Request(secret),
        }
        await run(sign_in.replace(ADDRESS, url), dict(names))
        await run(api_key.replace(ADDRESS, url), {**names, "talk": reported})
        await run(send, {**names, "ada": bob})
        with pytest.raises(Enough):
            await run(follow, names)
        await run(file, names)
        await run(refused, names)
        await run(webhook, names)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["ada", "ada"]
    assert lines[2].startswith("1 Payload(type='text', text='All is well'")
    assert lines[3:-2] == ["0%", "100%", "100%"]
    assert lines[-2].startswith("[('/payload/text', ")
    assert lines[-1].startswith("01a2 chat4all.deleted {")
