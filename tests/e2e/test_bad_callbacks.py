"""Whatever is called back, it gets a clear answer and is counted, and no neighbour is lost.

The server is the product, connected to a simulated WhatsApp and a simulated Telegram whose
callbacks the tests sign themselves, as somebody who knows the secret could.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from chat4all.testing.telegram import SECRET_HEADER, TelegramSimulator
from chat4all.testing.whatsapp import SIGNATURE_HEADER, Number, WhatsAppSimulator, signature
from tests.e2e import raw_http
from tests.e2e.account import Account
from tests.e2e.watched_server import Watched, watched_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

MIB = 1024 * 1024
AT_ONCE = 50  # connections that a burst comes by
SECRET = "the-secret-of-the-telegram-webhook"
PERSON = "5571990000001"
PATIENCE = 60.0


@dataclass(frozen=True)
class Site:
    """The product and its accounts; `olga` owns them."""

    server: Watched
    olga: Account
    number: Number
    paths: Mapping[str, str]
    http: httpx.AsyncClient

    async def call(self, platform: str, body: bytes, *, proven: bool = True) -> int:
        """Call back; return the status of the answer."""
        proof = self.proof(platform, body if proven else body + b" ")
        answer = await self.http.post(self.paths[platform], content=body, headers=proof)
        assert answer.status_code < 500, answer.text
        return answer.status_code

    def proof(self, platform: str, body: bytes) -> dict[str, str]:
        if platform == "telegram":
            return {SECRET_HEADER: SECRET if not body.endswith(b" ") else "guessed"}
        return {SIGNATURE_HEADER: signature(self.number.app_secret, body)}

    async def counted(self, name: str, **labels: str) -> float:
        """Return a metric's value, 0 for one that never counted."""
        lines = (await self.http.get("/metrics")).text.splitlines()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        found = [
            line
            for line in lines
            if re.match(rf"{name}[ {{]", line) and all(one in line for one in wanted)
        ]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    async def history(self, conversation: str) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        while True:
            after = messages[-1]["seq"] if messages else 0
            path = f"conversations/{conversation}/messages"
            page = (await self.olga.get(path, after_seq=after, limit=200))["items"]
            if not page:
                return messages
            messages += page

    async def texts(self, conversation: str) -> list[str]:
        return [one["payload"]["text"] for one in await self.history(conversation)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    whatsapp, telegram = WhatsAppSimulator(), TelegramSimulator()
    number, token = whatsapp.add_number("Shop"), telegram.add_bot("shop_bot")
    async with AsyncExitStack() as stack:
        graph = await stack.enter_async_context(whatsapp.serve())
        bots = await stack.enter_async_context(telegram.serve())
        folder = tmp_path_factory.mktemp("callbacks")
        server = await stack.enter_async_context(
            watched_server(folder, whatsapp_api=graph.url, telegram_api=bots.url)
        )
        olga = await stack.enter_async_context(Account(server.url, "olga").signed_up("Olga"))
        configs: dict[str, dict[str, str]] = {
            "telegram": {"token": token, "webhook_secret": SECRET},
            "whatsapp": {
                "access_token": number.access_token,
                "app_secret": number.app_secret,
                "verify_token": number.verify_token,
                "phone_number_id": number.phone_number_id,
            },
        }
        paths = {}
        for platform, config in configs.items():
            account = {"platform": platform, "name": platform, "config": config}
            made = await olga.post("admin/connectors/accounts", account)
            paths[platform] = f"/v1/webhooks/{platform}/{made['id']}"
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30.0)
        )
        yield Site(server, olga, number, paths, http)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def neighbours_are_heard(site: Site) -> AsyncIterator[None]:
    """After each test somebody still gets through, and the log tells of no fault."""
    yield
    words = f"still there at {time.monotonic()}"
    assert await site.call("whatsapp", wrote(site, words, words, person="5571990000099")) == 200
    assert await site.call("telegram", update(int(time.monotonic() * 1000), words)) == 200
    for _ in range(2):
        await heard(site, words)
    assert site.server.complaints() == []


async def heard(site: Site, words: str) -> str:
    """Wait until Olga has a message; return its conversation."""
    async with asyncio.timeout(PATIENCE):
        while True:
            for one in (await site.olga.get("conversations", limit=100))["items"]:
                if words in await site.texts(one["id"]):
                    return str(one["id"])
            await asyncio.sleep(0.1)


def callback(site: Site, **value: Any) -> bytes:
    metadata = {
        "display_phone_number": site.number.display_phone_number,
        "phone_number_id": site.number.phone_number_id,
    }
    change = {"field": "messages", "value": {"messaging_product": "whatsapp", **value}}
    change["value"]["metadata"] = metadata  # type: ignore[index] # the dict of above
    entry = {"id": site.number.business_account_id, "changes": [change]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def wrote(site: Site, words: str, name: str, *, person: str = PERSON) -> bytes:
    """Return the callback of a text with the platform's id `name`."""
    message = {
        "from": person,
        "id": f"wamid.{name}",
        "timestamp": str(int(time.time())),
        "type": "text",
        "text": {"body": words},
    }
    contact = {"profile": {"name": f"Person {person[-2:]}"}, "wa_id": person}
    return callback(site, contacts=[contact], messages=[message])


def status(site: Site, name: str, word: str, *, person: str = PERSON) -> bytes:
    one = {"id": name, "status": word, "timestamp": str(int(time.time())), "recipient_id": person}
    return callback(site, statuses=[one])


def update(number: int, words: str, *, person: int = 77) -> bytes:
    sender = {"id": person, "is_bot": False, "first_name": "Tom"}
    message = {
        "message_id": number,
        "from": sender,
        "chat": {"id": person, "type": "private", "first_name": "Tom"},
        "date": int(time.time()),
        "text": words,
    }
    return json.dumps({"update_id": number, "message": message}).encode()


GARBAGE = {
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe\x00",
    "NUL": b'{"object": "\\u0000"}',
    "half a character": b'{"object": "\\ud800"}',
    "a number": b"7",
    "a list": b"[]",
    "null": b"null",
    "deep": b"[" * 200_000,
    "deep and whole": b'{"entry":' * 50_000 + b"1" + b"}" * 50_000,
    "a long number": b'{"update_id": ' + b"9" * 100_000 + b"}",
    "not a number": b'{"update_id": NaN}',
    "wrong types": b'{"object": [], "entry": {"changes": 1}, "update_id": "x", "message": []}',
}


@pytest.mark.parametrize("platform", ["whatsapp", "telegram"])
@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage_with_the_right_proof_is_refused_or_has_no_effect(
    site: Site, platform: str, name: str
) -> None:
    before = await site.counted("chat4all_callbacks_total", platform=platform)
    assert await site.call(platform, GARBAGE[name]) in {200, 401}
    assert await site.counted("chat4all_callbacks_total", platform=platform) == before + 1


@pytest.mark.parametrize("platform", ["whatsapp", "telegram"])
async def test_a_forged_callback_is_refused_and_counted(site: Site, platform: str) -> None:
    outcome = {"platform": platform, "outcome": "webhook_rejected"}
    before = await site.counted("chat4all_callbacks_total", **outcome)
    bodies = {"whatsapp": wrote(site, "forged", "forged"), "telegram": update(5, "forged") + b" "}
    assert await site.call(platform, bodies[platform], proven=False) == 401
    bare = await site.http.post(site.paths[platform], content=bodies[platform])
    assert (bare.status_code, bare.json()["code"]) == (401, "webhook_rejected")
    assert await site.counted("chat4all_callbacks_total", **outcome) == before + 2
    for one in (await site.olga.get("conversations"))["items"]:
        assert "forged" not in await site.texts(one["id"])


async def test_callbacks_for_accounts_that_are_not_there_are_counted_by_no_name_of_theirs(
    site: Site,
) -> None:
    nobody = "0190f8a0-0000-7000-8000-000000000000"
    body = wrote(site, "lost", "lost")
    proof = site.proof("whatsapp", body)
    paths = {
        f"/v1/webhooks/whatsapp/{nobody}": "whatsapp",
        site.paths["whatsapp"].replace("whatsapp", "telegram"): "telegram",
        f"/v1/webhooks/carrierpigeon/{nobody}": "unknown",
    }
    for path, platform in paths.items():
        outcome = {"platform": platform, "outcome": "account_not_found"}
        before = await site.counted("chat4all_callbacks_total", **outcome)
        answer = await site.http.post(path, content=body, headers=proof)
        assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")
        assert await site.counted("chat4all_callbacks_total", **outcome) == before + 1
    assert "carrierpigeon" not in (await site.http.get("/metrics")).text


@pytest.mark.embedded("counts in the metrics of one process what several have taken")
async def test_statuses_of_messages_never_sent_are_counted_and_change_nothing(site: Site) -> None:
    before = await site.counted("chat4all_inbound_ignored_total", reason="early_receipt")
    words = ("sent", "delivered", "read", "failed", "teleported")
    bodies = [status(site, "wamid.of-nobody", word) for word in words]
    answers = await asyncio.gather(*(site.call("whatsapp", one) for one in bodies))
    assert set(answers) == {200}
    after = await site.counted("chat4all_inbound_ignored_total", reason="early_receipt")
    assert after == before + 4  # the fifth is no status


async def sent(site: Site, conversation: str, words: str) -> tuple[str, str]:
    """Send by WhatsApp; return our id and the platform's once it has one."""
    [message] = await site.olga.say(conversation, [words])
    async with asyncio.timeout(PATIENCE):
        while True:
            told = await site.olga.get(f"messages/{message}/status")
            if told["recipients"] and told["recipients"][0]["external_id"]:
                return message, str(told["recipients"][0]["external_id"])
            await asyncio.sleep(0.05)


async def test_a_status_that_goes_back_changes_nothing(site: Site) -> None:
    person = "5571990000002"
    await site.call("whatsapp", wrote(site, "A question", "question", person=person))
    conversation = await heard(site, "A question")
    message, external_id = await sent(site, conversation, "An answer")
    for word in ("read", "delivered", "sent", "failed", "delivered"):
        assert await site.call("whatsapp", status(site, external_id, word, person=person)) == 200
    await site.call("whatsapp", wrote(site, "After it", "after", person=person))
    await heard(site, "After it")  # so all before it is stored
    told = await site.olga.get(f"messages/{message}/status")
    assert told["status"] == "read"
    assert [one["status"] for one in told["recipients"]] == ["read"]


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(1_000, marks=pytest.mark.slow),
        pytest.param(10_000, marks=[pytest.mark.chaos, pytest.mark.timeout(600)]),
    ],
)
async def test_a_burst_of_callbacks_loses_nothing_and_keeps_neighbours_waiting_little(
    site: Site, size: int
) -> None:
    """Sixty repeats of each text, a status that goes back and forth, and what is not known."""
    person = f"55719900{size:05}"
    texts = [f"burst {number} of {size}" for number in range(size // 100)]
    await site.call("whatsapp", wrote(site, f"Before {size}", f"before-{size}", person=person))
    conversation = await heard(site, f"Before {size}")
    message, external_id = await sent(site, conversation, "One answer")
    memory = await site.counted("process_resident_memory_bytes")
    callbacks = [wrote(site, words, words, person=person) for words in texts] * 60
    back = [status(site, external_id, word, person=person) for word in ("read", "delivered")]
    callbacks += back * (size * 39 // 200)
    callbacks += [status(site, f"wamid.unknown-{one}", "read") for one in range(size // 100)]
    assert len(callbacks) == size
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    for one in sorted(callbacks, key=hash):  # mixed
        queue.put_nowait(one)

    async def caller() -> None:
        while not queue.empty():
            assert await site.call("whatsapp", queue.get_nowait()) == 200

    waits: list[float] = []
    async with asyncio.TaskGroup() as group:
        callers = [group.create_task(caller()) for _ in range(AT_ONCE)]
        while not all(one.done() for one in callers):
            started = time.monotonic()
            await site.olga.say(conversation, [f"neighbour {len(waits)}"])
            waits.append(time.monotonic() - started)
            await asyncio.sleep(0.5)
    assert max(waits) < 10.0, "who sends meanwhile waits for the burst"
    last = f"neighbour {len(waits) - 1}"
    assert await heard(site, last) == conversation
    history = await site.history(conversation)
    found = [one["payload"]["text"] for one in history]
    assert sorted(one for one in found if one.startswith("burst")) == sorted(texts)
    assert [one["seq"] for one in history] == list(range(1, len(found) + 1))
    assert (await site.olga.get(f"messages/{message}/status"))["status"] == "read"
    grown = await site.counted("process_resident_memory_bytes") - memory
    assert grown < 100 * MIB


@pytest.mark.parametrize("platform", ["whatsapp", "telegram"])
async def test_a_body_of_ten_megabytes_is_refused_and_not_kept_in_memory(
    site: Site, platform: str
) -> None:
    memory = await site.counted("process_resident_memory_bytes")
    body = wrote(site, "x" * (10 * MIB), "huge")
    path, proof = site.paths[platform], site.proof(platform, body)

    async def call() -> int:
        async with raw_http.wire(site.server.address) as (reader, writer):
            named = "".join(f"{name}: {value}\r\n" for name, value in proof.items())
            head = raw_http.head(path, length=len(body))
            writer.write(head[:-2] + named.encode() + b"\r\n" + body)
            return (await raw_http.read_answer(reader)).status

    answers = await asyncio.gather(*(call() for _ in range(20)))
    assert set(answers) == {413}
    grown = await site.counted("process_resident_memory_bytes") - memory
    assert grown < 50 * MIB


@pytest.mark.parametrize("platform", ["whatsapp", "telegram"])
async def test_a_large_body_that_is_in_bounds_is_taken_with_its_text_cut(
    site: Site, platform: str
) -> None:
    words = f"long {time.monotonic()} " + "x" * (3 * MIB)
    bodies = {
        "whatsapp": wrote(site, words, words[:40]),
        "telegram": update(int(time.monotonic() * 1000), words),
    }
    assert await site.call(platform, bodies[platform]) == 200
    async with asyncio.timeout(PATIENCE):
        while True:
            for one in (await site.olga.get("conversations", limit=100))["items"]:
                if any(text.startswith(words[:30]) for text in await site.texts(one["id"])):
                    return
            await asyncio.sleep(0.1)
