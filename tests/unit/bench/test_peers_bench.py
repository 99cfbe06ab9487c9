"""The bench of peers: how the XMPP client signs in and counts, and what is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import pytest

from bench.job import Latency, Outcome, Phase
from bench.load import Load
from bench.on_off import Measured
from bench.peers import SHARES, Round, beside, broken_of, doubts_of, label, lines_of, loaded
from bench.prosody import archived
from bench.xmpp_chat import Chat, Delivered, Pair
from bench.xmpp_client import Messages, XmppClient, message
from tests.unit.bench.test_bench_math import ledger, outcome, verdict
from tests.unit.bench.test_sends_bench import job

STREAM = (
    b"<presence from='bia@localhost/bench'/>"
    b"<message type='chat' to='bia@localhost' from='ana@localhost/bench' id='3.7'>"
    b"<body>a &lt;message id='no'></body><stanza-id xmlns='urn:xmpp:sid:0' id='x'/></message>"
    b'<iq type="result" id="5"/><message id="0.1" type="error"><error/></message>'
)


@pytest.mark.parametrize("step", [1, 7, 1_000])
def test_messages_are_cut_from_any_pieces(step: int) -> None:
    messages = Messages()
    found = [
        one for at in range(0, len(STREAM), step) for one in messages.feed(STREAM[at : at + step])
    ]
    assert found == [("3.7", False), ("0.1", True)]


def test_what_is_said_is_escaped() -> None:
    raw = message("bia@localhost", "0.0", "a < b")
    assert raw == (
        b"<message to='bia@localhost' type='chat' id='0.0'><body>a &lt; b</body></message>"
    )


class Host(asyncio.Protocol):
    """Answers as an XMPP server does while somebody signs in, and says one thing more."""

    ANSWERS = (
        (b"<stream:stream", b"<stream:features></stream:features>"),
        (b"AGFuYQBzZWNyZXQ=", b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"),
        (b"<stream:stream", b"<stream:features></stream:features>"),
        (b"<resource>bench</resource>", b"<iq type='result' id='bind'></iq>"),
        (b"<presence", b"<presence from='ana@localhost'/>"),
        (b"<message", b"<message id='0.9'><body>hi</body></message>"),
    )

    def __init__(self) -> None:
        self._left = list(self.ANSWERS)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        expected, answer = self._left.pop(0)
        if expected in data:
            self._transport.write(answer)
        else:
            self._transport.close()


@pytest.mark.parametrize(("password", "heard"), [("secret", True), ("another", False)])
async def test_a_client_signs_in_and_hears_messages_or_says_why_not(
    password: str,
    heard: bool,  # noqa: FBT001
) -> None:
    came: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    server = await asyncio.get_running_loop().create_server(Host, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = XmppClient("ana", "localhost", lambda name, *_: came.set_result(name))
    if heard:
        await client.connect("127.0.0.1", port, password)
        client.send(message("bia@localhost", "0.0", "hi"))
        assert await asyncio.wait_for(came, 5) == "0.9"
        client.close()
    else:
        with pytest.raises(ConnectionError):
            await client.connect("127.0.0.1", port, password)
        assert client.lost
    server.close()


class Wire:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, raw: bytes) -> None:
        self.sent.append(raw)


def chatting(ahead: int) -> tuple[Chat, Wire]:
    found, wire = Chat(ahead), Wire()
    found.pairs.append(Pair(0, cast("XmppClient", wire), "bia@localhost", "hi"))
    return found, wire


async def test_the_next_message_leaves_when_one_has_come_and_none_after_the_time() -> None:
    found, wire = chatting(2)
    running = asyncio.ensure_future(found.run(0.05))
    await asyncio.sleep(0)
    assert len(wire.sent) == 2
    found.came("0.0", False, perf_counter())  # noqa: FBT003
    assert (len(wire.sent), found.missing) == (3, 2)
    await asyncio.sleep(0.06)
    for name in ("0.1", "0.2"):
        found.came(name, False, perf_counter())  # noqa: FBT003
    assert await asyncio.wait_for(running, 5) == 1
    assert (found.sent, found.missing, found.disorder) == (3, 0, 0)


@pytest.mark.parametrize(("names", "disorder"), [(("0.1", "0.0"), 2), (("0.0", "0.0"), 1)])
def test_a_message_that_is_not_the_next_is_disorder(names: Sequence[str], disorder: int) -> None:
    found, _ = chatting(2)
    for _ in range(2):
        found.pairs[0].send(0.0)
    for name in names:
        found.came(name, False, 1.0)  # noqa: FBT003
    assert found.disorder == disorder


def test_a_refusal_is_no_delivery() -> None:
    found, _ = chatting(1)
    found.pairs[0].send(0.0)
    found.came("0.0", True, 1.0)  # noqa: FBT003
    assert (found.refused, found.took, found.missing) == (1, [], 0)


def test_what_is_in_all_archives_counts(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "localhost" / "archive"
    folder.mkdir(parents=True)
    (folder / "ana.list").write_text("item({\n});\n\nitem({\n});\n")
    (folder / "bia.list").write_text("item({\n});\n")
    (folder / "bia.lidx").write_text("item({")
    assert archived(tmp_path) == 3


def opened(rate: float) -> dict[str, Outcome]:
    return {
        label(share): outcome(
            share * rate,
            name=label(share),
            kind="open",
            offered=share * rate,
            answered=latency_of(0.5),
            on_screen=latency_of(4.0),
            accepted_to_screen=latency_of(2.0),
        )
        for share in SHARES
    }


def latency_of(median: float) -> Latency:
    return Latency(count=1, p50=median, p95=median, p99=2 * median, most=median)


def test_the_empty_post_is_asked_as_often_as_the_product_was() -> None:
    product = loaded(job("rest"), 3.0)
    assert [(one.share, one.seconds) for one in product.phases] == [
        (0.15, 3.0),
        (0.3, 3.0),
        (0.6, 3.0),
    ]
    rates = [one.rate for one in beside(job("rest"), opened(1_000.0), 3.0).phases]
    assert rates == [150.0, 300.0, 600.0]


@pytest.mark.parametrize(("share", "given", "rate"), [(0.5, 0.0, 400.0), (0.0, 70.0, 70.0)])
async def test_a_phase_has_a_rate_or_a_share(share: float, given: float, rate: float) -> None:
    load = Load(job("rest"))
    load._capacity = 800.0
    shape = Phase(name="p", kind="open", seconds=1.0, share=share, rate=given)
    assert load._rate(shape) == rate


def prosody(rate: float, **more: Any) -> Delivered:
    values = {
        "delivered": rate,
        "took": latency_of(9.0),
        "messages": 100,
        "archived": 200,
        "missing": 0,
        "disorder": 0,
        "refused": 0,
        "generator_cpu": 0.1,
        "server_cpu": 1.0,
        **more,
    }
    return Delivered(**values)


def one_round(rate: float, peer: Delivered, lost: Sequence[str] = ()) -> Round:
    phases = {"capacity": outcome(rate, pushed=rate / 2), **opened(rate)}
    empty = {"capacity": outcome(4_000.0), **opened(rate)}
    findings = verdict(ledger(*lost))
    return Round(product=Measured(phases=phases, findings=findings), empty=empty, prosody=peer)


def test_what_is_delivered_is_compared_with_prosody_and_what_is_accepted_with_the_ceiling() -> None:
    rounds = [one_round(rate, prosody(rate / 8)) for rate in (1_000.0, 3_000.0, 2_000.0)]
    lines = dict(lines_of(rounds))
    assert lines["REST accepted / empty POST, goal 0.3"].median == 0.5
    assert lines["REST delivered / Prosody, goal 4"].least == 4.0
    assert lines["at 30%: 202 to screen, p99, ms, goal <= 5"].median == 4.0
    assert lines["at 30%: empty POST, p50, ms"].median == 0.5
    assert lines["at 60%: due to screen, p50, ms"].median == 4.0
    assert lines["Prosody: archived of a message"].median == 2.0
    assert lines["Prosody: ms of the server's processor a message"].most == 8.0


def test_what_prosody_loses_is_told_and_what_the_product_loses_is_broken() -> None:
    rounds = [one_round(1.0, prosody(1.0, missing=3, disorder=2, refused=1))]
    assert dict(lines_of(rounds))["Prosody: missing, repeated, refused"].median == 6
    assert broken_of(rounds) == 0
    lost = one_round(1.0, prosody(1.0), ["a"])
    assert broken_of([lost]) == verdict(ledger("a")).broken


def test_a_peer_that_did_less_than_it_should_is_told() -> None:
    assert doubts_of([one_round(1.0, prosody(1.0))]) == []
    found = doubts_of([one_round(1.0, prosody(1.0, archived=99, generator_cpu=0.95))])
    assert [one.partition(" ")[0] for one in found] == ["Prosody:", "Prosody"]
