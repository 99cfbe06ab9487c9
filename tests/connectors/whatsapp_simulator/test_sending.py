"""What businesses send, how far it comes, and what they are refused."""

from __future__ import annotations

from typing import Any

import pytest

from chat4all.testing.whatsapp import (
    Fault,
    FaultKind,
    ManualClock,
    Number,
    Phone,
    RateLimits,
    SimulationError,
    WhatsAppSimulator,
)

DAY = 24 * 3600


async def test_a_message_is_sent_delivered_and_read(shop: Any, listener: Any, ana: Phone) -> None:
    ana.write("Oi")
    sent = await shop.sent(ana.owner.phone)
    await listener.until(lambda: (sent, "delivered") in listener.statuses)
    assert (sent, "read") not in listener.statuses
    ana.read()
    await listener.until(lambda: (sent, "read") in listener.statuses)
    assert [status for _, status in listener.statuses] == ["sent", "delivered", "read"]


async def test_a_phone_that_is_off_gets_it_when_it_is_on(
    shop: Any, listener: Any, ana: Phone
) -> None:
    ana.write("Oi")
    ana.go_offline()
    sent = await shop.sent(ana.owner.phone)
    await listener.until(lambda: (sent, "sent") in listener.statuses)
    assert ana.view().texts == ["Oi"]
    ana.go_online()
    await listener.until(lambda: (sent, "delivered") in listener.statuses)
    assert ana.view().texts == ["Oi", "Hi"]


async def test_who_hides_what_they_read_is_never_reported_to_have_read(
    shop: Any, listener: Any, simulator: WhatsAppSimulator
) -> None:
    shy = simulator.add_person("Shy", read_receipts=False)
    shy.write("Oi")
    await shop.sent(shy.owner.phone)
    shy.read()
    assert await simulator.told()
    assert [status for _, status in listener.statuses] == ["sent", "delivered"]


async def test_of_who_blocked_the_number_nothing_is_told(
    shop: Any, listener: Any, simulator: WhatsAppSimulator, ana: Phone
) -> None:
    ana.write("Oi")
    ana.block()
    with pytest.raises(SimulationError):
        ana.write("Tchau")
    await shop.sent(ana.owner.phone)
    assert await simulator.told()
    assert [status for _, status in listener.statuses] == ["sent"]
    ana.unblock()
    assert ana.view().texts == ["Oi"]


async def test_the_window_closes_24_hours_after_the_last_message(
    shop: Any, listener: Any, clock: ManualClock, ana: Phone
) -> None:
    ana.write("Oi")
    clock.now += DAY - 1
    in_time = await shop.sent(ana.owner.phone)
    clock.now += 1
    late = await shop.sent(ana.owner.phone)
    await listener.until(lambda: (late, "failed") in listener.statuses)
    assert (in_time, "delivered") in listener.statuses
    failed = listener.values[-1]["statuses"][0]
    assert failed["errors"][0]["code"] == 131047
    assert ana.view().texts == ["Oi", "Hi"]
    assert not ana.view().window_open


async def test_a_template_is_taken_outside_of_the_window(
    shop: Any, simulator: WhatsAppSimulator, number: Number, ana: Phone
) -> None:
    simulator.add_template(number, "hello", "en_US", "Hello {{1}}")
    content: dict[str, Any] = {
        "name": "hello",
        "language": {"code": "en_US"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "Ana"}]}],
    }
    answer = await shop.send(ana.owner.phone, "template", content)
    assert answer["messages"][0]["message_status"] == "accepted"
    assert ana.view().texts == ["Hello Ana"]
    assert await shop.refused(ana.owner.phone, "template", {**content, "components": []}) == 132000
    assert await shop.refused(ana.owner.phone, "template", {**content, "name": "bye"}) == 132001


async def test_nobody_with_that_number_fails_later(shop: Any, listener: Any) -> None:
    sent = await shop.sent("5511000000000")
    await listener.until(lambda: (sent, "failed") in listener.statuses)
    assert listener.values[0]["statuses"][0]["errors"][0]["code"] == 131026


async def test_what_a_business_marks_as_read_shows_so(shop: Any, ana: Phone) -> None:
    heard = ana.write("Oi")
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": heard}
    assert (await shop.http.post("messages", json=body)).json() == {"success": True}
    assert ana.view().messages[0].status == "read"
    unknown = await shop.http.post("messages", json={**body, "message_id": "wamid.x"})
    assert unknown.json()["error"]["code"] == 131009


@pytest.mark.parametrize(
    ("kind", "content", "code"),
    [
        ("text", {}, 100),
        ("text", {"body": "a" * 4097}, 100),
        ("location", {"latitude": 1}, 131009),
        ("location", {"latitude": 91, "longitude": 0}, 131009),
        ("contacts", [], 100),
        ("contacts", [{"name": {"formatted_name": "Ana"}}], 131009),
        ("reaction", {"emoji": "👍"}, 100),
        ("image", {}, 100),
        ("hologram", {"id": "1"}, 131051),
    ],
)
async def test_what_is_malformed_is_refused(
    shop: Any, ana: Phone, kind: str, content: Any, code: int
) -> None:
    ana.write("Oi")
    assert await shop.refused(ana.owner.phone, kind, content) == code
    assert len(ana.view().messages) == 1


async def test_a_wrong_token_or_id_is_refused(shop: Any, ana: Phone) -> None:
    wrong = await shop.http.get(".", headers={"Authorization": "Bearer EAAwrong"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, 190)
    unknown = await shop.http.get(str(shop.http.base_url).rsplit("/", 2)[0] + "/123")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (400, 100)
    assert (await shop.http.get(".")).json()["display_phone_number"] == "+1 555-010-0001"


async def test_a_pair_takes_a_burst_and_then_one_every_6_seconds(
    shop: Any, simulator: WhatsAppSimulator, clock: ManualClock, ana: Phone
) -> None:
    ana.write("Oi")
    simulator.limiter.limits = RateLimits()
    for _ in range(45):
        await shop.sent(ana.owner.phone)
    assert await shop.refused(ana.owner.phone) == 131056
    clock.now += 6
    await shop.sent(ana.owner.phone)
    assert await shop.refused(ana.owner.phone) == 131056
    bia = simulator.add_person("Bia")
    bia.write("Oi")
    await shop.sent(bia.owner.phone)
    assert simulator.limiter.refused == {131056: 2}


async def test_a_number_takes_80_a_second(
    shop: Any, simulator: WhatsAppSimulator, clock: ManualClock
) -> None:
    simulator.limiter.limits = RateLimits()
    people = [simulator.add_person(f"P{place}") for place in range(81)]
    for person in people[:80]:
        await shop.sent(person.owner.phone)
    assert await shop.refused(people[80].owner.phone) == 130429
    clock.now += 1
    await shop.sent(people[80].owner.phone)


async def test_random_faults_repeat_with_the_seed(clock: ManualClock) -> None:
    def hits() -> list[bool]:
        faults = WhatsAppSimulator(clock=clock, seed=7).faults
        faults.add(Fault(kind=FaultKind.SERVER_ERROR, times=None, probability=0.3))
        return [faults.take(callback=False) is not None for _ in range(50)]

    assert hits() == hits()
    assert 0 < sum(hits()) < 50
