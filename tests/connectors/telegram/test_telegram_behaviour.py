"""What is Telegram's own, over the simulator: polling, webhooks, deep links, refusals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from pydantic import ValidationError

from chat4all.connectors.telegram import TelegramConfig
from chat4all.connectors.telegram.connector import TelegramConnector
from chat4all.connectors.telegram.session import refusal
from chat4all.connectors.telegram.translate import events_of
from chat4all.domain.errors import ChannelError
from chat4all.domain.ids import MessageId, new_id
from chat4all.domain.inbound import IncomingEdit, IncomingMessage, IncomingReaction
from chat4all.domain.outgoing import Outgoing
from chat4all.domain.payload import Payload, PayloadType, text
from chat4all.testing.telegram import Phone, SimulatorServer, TelegramSimulator


@pytest.fixture
def simulator() -> TelegramSimulator:
    return TelegramSimulator()


@pytest.fixture
def token(simulator: TelegramSimulator) -> str:
    return simulator.add_bot("shop_bot")


@pytest.fixture
def ana(simulator: TelegramSimulator) -> Phone:
    return simulator.add_person("Ana", last_name="Lima", id=501)


@pytest.fixture
async def server(simulator: TelegramSimulator, token: str) -> AsyncIterator[SimulatorServer]:
    async with simulator.serve() as server:
        yield server


@pytest.fixture
async def bot(server: SimulatorServer, token: str) -> AsyncIterator[TelegramConnector]:
    config = TelegramConfig.model_validate({"token": token, "api_base": server.url, "timeout": 5})
    connector = TelegramConnector(config)
    yield connector
    await connector.aclose()


def to(phone: Phone, payload: Payload, **more: str) -> Outgoing:
    return Outgoing(
        message_id=MessageId(new_id()), address=str(phone.owner.id), payload=payload, **more
    )


async def test_polling_brings_what_people_do_in_order(bot: TelegramConnector, ana: Phone) -> None:
    await bot.poll(None, wait=0)  # Telegram sends reactions from the first asking on
    ana.start("K7PXW2M9QA")
    number = ana.write("Oi")
    ana.edit(number, "Oi!")
    ana.react(number, "❤")
    ana.block()
    polled = await bot.poll(None, wait=0)
    start, message, edit, reaction = polled.events
    assert isinstance(start, IncomingMessage)
    assert start.link_code == "K7PXW2M9QA"
    assert isinstance(message, IncomingMessage)
    assert (message.author_name, message.payload.text) == ("Ana Lima", "Oi")
    assert isinstance(edit, IncomingEdit)
    assert edit.payload.text == "Oi!"
    assert isinstance(reaction, IncomingReaction)
    assert reaction.emojis == ("❤️",)


async def test_what_was_polled_comes_again_until_the_next_offset_is_used(
    bot: TelegramConnector, ana: Phone
) -> None:
    ana.start()
    first = await bot.poll(None, wait=0)
    repeated = await bot.poll(None, wait=0)
    assert repeated == first
    ana.write("next")
    following = await bot.poll(first.offset, wait=0)
    [event] = following.events
    assert isinstance(event, IncomingMessage)
    assert event.payload.text == "next"
    assert int(following.offset) == int(first.offset) + 1


async def test_a_poll_waits_for_something_to_come(bot: TelegramConnector, ana: Phone) -> None:
    async with asyncio.TaskGroup() as group:
        polling = group.create_task(bot.poll(None, wait=5))
        group.create_task(asyncio.to_thread(lambda: None))
        ana.start()
    assert len(polling.result().events) == 1


async def test_setting_a_webhook_keeps_what_waits_at_telegram(
    bot: TelegramConnector, ana: Phone
) -> None:
    ana.start()
    await bot.set_webhook("http://127.0.0.1:9/v1/webhooks/telegram/a")
    with pytest.raises(ChannelError) as conflict:
        await bot.poll(None, wait=0)
    assert (conflict.value.reason, conflict.value.retry) == ("conflict", False)
    await bot.set_webhook(None)
    assert len((await bot.poll(None, wait=0)).events) == 1


async def test_the_name_stands_before_the_text_where_several_people_write(
    bot: TelegramConnector, ana: Phone
) -> None:
    ana.start()
    await bot.send_message(to(ana, text("hello"), from_name="Bruno"))
    assert ana.view().texts[-1] == "Bruno: hello"


async def test_an_answer_shows_what_it_answers_and_comes_even_when_that_is_gone(
    bot: TelegramConnector, ana: Phone
) -> None:
    ana.start()
    question = ana.write("when?")
    await bot.send_message(to(ana, text("at ten"), reply_to=str(question)))
    assert ana.view().messages[-1].reply_to == question
    ana.delete(question)
    await bot.send_message(to(ana, text("sharp"), reply_to=str(question)))
    assert ana.view().texts[-1] == "sharp"


async def test_changes_reach_the_screen(bot: TelegramConnector, ana: Phone) -> None:
    ana.start()
    sent = await bot.send_message(to(ana, text("helo")))
    await bot.edit_message(to(ana, text("hello")), sent.external_id)
    await bot.set_reactions("501", sent.external_id, ["🦖", "👍", "❤️"])
    await bot.show_typing("501")
    view = ana.view()
    assert view.messages[-1].text == "hello"
    assert [reaction.emoji for reaction in view.messages[-1].reactions] == ["❤"]
    assert view.doing == ("typing",)
    await bot.delete_message("501", sent.external_id)
    assert "hello" not in ana.view().texts


async def test_a_reaction_that_telegram_does_not_have_is_refused(bot: TelegramConnector) -> None:
    with pytest.raises(ChannelError) as refused:
        await bot.set_reactions("501", "1", ["🦖"])
    assert (refused.value.reason, refused.value.retry) == ("reaction_not_supported", False)


async def test_a_contact_without_a_number_is_sent_as_text(
    bot: TelegramConnector, ana: Phone
) -> None:
    ana.start()
    card = Payload(type=PayloadType.CONTACT, name="Carla", email="carla@example.org")
    await bot.send_message(to(ana, card))
    assert ana.view().texts[-1] == "Carla carla@example.org"


async def test_a_stranger_cannot_be_written_to(bot: TelegramConnector, ana: Phone) -> None:
    with pytest.raises(ChannelError) as refused:
        await bot.send_message(to(ana, text("hello")))
    assert (refused.value.reason, refused.value.retry) == ("blocked", False)
    assert refused.value.platform_error is not None
    assert refused.value.platform_error["error_code"] == 403


async def test_an_unknown_chat_is_not_found(bot: TelegramConnector) -> None:
    message = Outgoing(message_id=MessageId(new_id()), address="404404", payload=text("hello"))
    with pytest.raises(ChannelError) as refused:
        await bot.send_message(message)
    assert (refused.value.reason, refused.value.retry) == ("not_found", False)


async def test_a_wrong_token_is_unauthorized_and_not_repeated(server: SimulatorServer) -> None:
    config = TelegramConfig.model_validate({"token": "1:wrong-token", "api_base": server.url})
    connector = TelegramConnector(config)
    try:
        with pytest.raises(ChannelError) as refused:
            await connector.whoami()
    finally:
        await connector.aclose()
    assert (refused.value.reason, refused.value.retry) == ("unauthorized", False)
    assert "wrong-token" not in str(refused.value)


async def test_nobody_listening_is_worth_a_retry() -> None:
    config = {"token": "1:some-token", "api_base": "http://127.0.0.1:9", "timeout": 2}
    connector = TelegramConnector(TelegramConfig.model_validate(config))
    with pytest.raises(ChannelError) as failed:
        await connector.whoami()
    await connector.aclose()
    assert (failed.value.reason, failed.value.retry) == ("network", True)


@pytest.mark.parametrize(
    ("code", "description", "reason"),
    [
        (400, "Bad Request: REACTION_INVALID", "reaction_not_supported"),
        (400, "Bad Request: chat not found", "not_found"),
        (400, "Bad Request: something new", "refused"),
        (401, "Unauthorized", "unauthorized"),
        (403, "Forbidden: user is deactivated", "blocked"),
        (429, "Too Many Requests: retry after 9", "rate_limited"),
        (500, "Internal Server Error", "unavailable"),
    ],
)
def test_a_refusal_is_understood(code: int, description: str, reason: str) -> None:
    answer = {"ok": False, "error_code": code, "description": description}
    error = refusal("sendMessage", code, answer)
    assert (error.retry, error.reason) == (code in (429, 500), reason)
    assert error.platform_error == {"error_code": code, "description": description}


@pytest.mark.parametrize(("status", "again"), [(502, True), (200, True), (404, False)])
def test_an_answer_of_something_else_is_repeated_unless_it_blames_us(
    status: int,
    again: bool,  # noqa: FBT001 - a table
) -> None:
    assert refusal("sendMessage", status, None).retry is again


def test_telegrams_wish_to_wait_is_passed_on() -> None:
    answer = {"error_code": 429, "parameters": {"retry_after": 9}}
    assert refusal("sendMessage", 429, answer).retry_after == 9


def test_a_token_in_a_refusal_is_masked() -> None:
    answer = {"error_code": 400, "description": "odd path /bot1:tok/x"}
    assert "1:tok" not in str(refusal("sendMessage", 400, answer, token="1:tok"))


def test_a_group_that_became_a_supergroup_says_where_it_went() -> None:
    answer = {
        "error_code": 400,
        "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": -1009},
    }
    error = refusal("sendMessage", 400, answer)
    assert error.reason == "moved"
    assert error.platform_error is not None
    assert error.platform_error["migrate_to_chat_id"] == -1009


@pytest.mark.parametrize("when", [10**12, 10**30, -(10**30)])
def test_a_date_outside_the_calendar_is_no_update(when: int) -> None:
    chat = {"id": 501, "type": "private"}
    message = {"message_id": 1, "date": 1, "edit_date": when, "chat": chat, "text": "Oi"}
    with pytest.raises(ValueError, match="date"):
        events_of({"update_id": 1, "edited_message": message})


@pytest.mark.parametrize(
    "config",
    [
        {"token": "no-number"},
        {"token": "1:tok en"},
        {"token": "1:tok", "api_base": "ftp://x"},
        {"token": "1:tok", "webhook_secret": "not allowed!"},
        {"token": "1:tok", "chat": 1},
    ],
)
def test_a_wrong_config_is_refused_without_showing_it(config: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        TelegramConfig.model_validate(config)
    for value in config.values():
        assert str(value) not in str(refused.value) or len(str(value)) < 3


def test_a_secret_is_made_once_and_kept() -> None:
    made = TelegramConfig.model_validate({"token": "1:hush-hush"})
    kept = TelegramConfig.model_validate(json.loads(json.dumps(made.as_stored())))
    assert kept == made
    assert len(made.webhook_secret.get_secret_value()) >= 32
    assert "hush-hush" not in repr(made)
