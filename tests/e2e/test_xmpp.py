"""A contact on a real XMPP server and a web user talk; the connector is an installed package."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from slixmpp import JID

from chat4all_xmpp.conformance import PASSWORD, SHOP, require_prosody
from chat4all_xmpp.contact import Contact, connected
from chat4all_xmpp.prosody import Prosody, running_prosody
from tests.e2e.account import Account
from tests.e2e.channel_files import picture, uploaded
from tests.e2e.product import running_server

pytestmark = pytest.mark.asyncio(loop_scope="module")
both = pytest_asyncio.fixture(scope="module", loop_scope="module")

PACKAGE = Path(__file__).parents[2] / "connectors" / "xmpp"
PATIENCE = 60.0  # seconds


@both
async def prosody(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prosody]:
    require_prosody()
    passwords = {"shop": PASSWORD, "ana": "ana"}
    async with running_prosody(tmp_path_factory.mktemp("prosody"), passwords) as server:
        yield server


@both
async def ana(prosody: Prosody) -> AsyncIterator[Contact]:
    async with connected("ana", "ana", prosody.port) as ana:
        yield ana


def installed(place: Path) -> Path:
    """Install the package as a stranger's would be, without what it needs: that is here."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    pip += ["--no-build-isolation", "--disable-pip-version-check"]
    ended = subprocess.run(
        [*pip, "--target", str(place), str(PACKAGE)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return place


@both
async def bia(prosody: Prosody, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Account]:
    """The administrator of a fresh product, with the shop's XMPP account connected."""
    site = await asyncio.to_thread(installed, tmp_path_factory.mktemp("site"))
    paths = [str(site), *(one for one in sys.path if one.endswith("src") and "xmpp" not in one)]
    settings = {"PYTHONPATH": ":".join(paths)}
    async with (
        running_server(tmp_path_factory.mktemp("product"), settings) as url,
        Account(url, "bia").signed_up("Bia") as bia,
    ):
        config = {"jid": SHOP, "password": PASSWORD, "host": "127.0.0.1", "port": prosody.port}
        account = {"platform": "xmpp", "name": "Shop", "config": {**config, "tls": False}}
        made = await bia.post("admin/connectors/accounts", account)
        tested = await bia.post(f"admin/connectors/accounts/{made['id']}/test", {})
        assert tested["name"] == SHOP
        yield bia


async def until(account: Account, path: str, wanted: Any) -> Any:
    """Ask until `wanted` finds something in the answer; return that."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = wanted(await account.get(path))
            if found:
                return found
            await asyncio.sleep(0.1)


async def chat_of(account: Account) -> str:
    chats = await until(account, "conversations", lambda page: page["items"])
    return str(chats[0]["id"])


async def message(account: Account, chat: str, words: str) -> dict[str, Any]:
    def named(page: Any) -> Any:
        texts = (one for one in page["items"] if one["payload"].get("text") == words)
        return next(texts, None)

    found: dict[str, Any] = await until(account, f"conversations/{chat}/messages", named)
    return found


async def test_the_package_is_listed_with_its_source(bia: Account) -> None:
    items = (await bia.get("admin/connectors"))["items"]
    sources = {one["platform"]: one["source"] for one in items}
    assert sources["xmpp"] == "chat4all-xmpp 0.1.0"
    assert sources["mock"] == "chat4all"


async def test_both_ways_to_read(bia: Account, ana: Contact) -> None:
    ana.write(SHOP, "Are you open?")
    chat = await chat_of(bia)
    question = await message(bia, chat, "Are you open?")

    [answer] = await bia.say(chat, ["Until ten 👋"])
    seen = await ana.got("Until ten 👋")
    assert seen["id"] == answer
    assert seen["from"].bare == SHOP
    await until(bia, f"messages/{answer}/status", reached("delivered"))

    ana.client.plugin["xep_0333"].send_marker(seen["from"], seen["id"], "displayed")
    await until(bia, f"messages/{answer}/status", reached("read"))

    ana.client.plugin["xep_0444"].send_reactions(JID(SHOP), answer, ["👍"])
    await until(bia, f"messages/{answer}", lambda one: "👍" in str(one["reactions"]))
    assert question["seq"] < (await bia.get(f"messages/{answer}"))["seq"]


async def test_a_photo_comes_as_a_link_that_works(bia: Account, ana: Contact) -> None:
    ana.write(SHOP, "Send me the plan")
    chat, photo = await chat_of(bia), picture()
    await message(bia, chat, "Send me the plan")
    file_id = await uploaded(bia, chat, "plan.png", "image/png", photo)
    payload = {"type": "image", "file_id": file_id, "caption": "Here"}
    await bia.post("messages", {"conversation_id": chat, "payload": payload})

    def link() -> list[str]:
        return [found for words in ana.texts for found in re.findall(r"http\S+", words)]

    async with asyncio.timeout(PATIENCE), ana.changed:
        await ana.changed.wait_for(link)
    [address] = link()
    assert ana.texts[-1] == f"plan.png (1 KB)\n{address}\nHere"
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(address)).content == photo


def reached(status: str) -> Any:
    def of(answer: Any) -> bool:
        return any(
            one.get("channel") == "xmpp" and one["status"] == status
            for one in answer.get("items", answer.get("recipients", []))
        )

    return of


async def test_nothing_is_lost_or_doubled_by_a_restart_of_the_server(
    bia: Account, prosody: Prosody
) -> None:
    async with connected("ana", "ana", prosody.port) as ana:
        ana.write(SHOP, "Will you be back?")
        chat = await chat_of(bia)
        await message(bia, chat, "Will you be back?")
    await prosody.stop()
    said = [f"after the restart {number}" for number in range(20)]
    await bia.say(chat, said)
    await prosody.start()
    async with connected("ana", "ana", prosody.port) as ana:
        for words in said:
            await ana.got(words, seconds=90)
        assert [words for words in ana.texts if words.startswith("after")] == said
        for number in range(20):
            ana.write(SHOP, f"and mine {number}")
        for number in range(20):
            await message(bia, chat, f"and mine {number}")
        page = await bia.get(f"conversations/{chat}/messages", limit=100)
        texts = [one["payload"].get("text", "") for one in page["items"]]
        mine = [words for words in texts if words.startswith("and mine")]
        assert sorted(mine, key=lambda words: int(words.rpartition(" ")[2])) == mine
        assert len(mine) == 20
