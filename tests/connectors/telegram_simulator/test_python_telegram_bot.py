"""python-telegram-bot, unchanged, against the simulator: https://docs.python-telegram-bot.org."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from telegram import Bot, Message, ReplyParameters, Update
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter
from telegram.ext import (
    Application,
    ChatMemberHandler,
    CommandHandler,
    MessageHandler,
    MessageReactionHandler,
    filters,
)

from chat4all.testing.telegram import Fault, FaultKind, Location, Phone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from chat4all.testing.telegram import SimulatorServer, TelegramSimulator


@pytest.fixture
async def ptb_bot(server: SimulatorServer, token: str) -> AsyncIterator[Bot]:
    async with Bot(token, base_url=f"{server.url}/bot") as bot:
        yield bot


class Recorder:
    """An echo bot that notes what it handled."""

    def __init__(self, url: str, token: str) -> None:
        self.texts: list[str] = []
        self.others: list[str] = []
        self.application = Application.builder().token(token).base_url(f"{url}/bot").build()
        self.application.add_handlers(
            [
                CommandHandler("start", self.on_start),
                MessageReactionHandler(self.on_reaction),
                ChatMemberHandler(self.on_membership),
                MessageHandler(filters.UpdateType.EDITED_MESSAGE, self.on_edit),
                MessageHandler(filters.LOCATION, self.on_location),
                MessageHandler(filters.TEXT, self.on_text),
            ]
        )

    async def on_start(self, update: Update, context: Any) -> None:
        assert update.message is not None
        self.others.append(f"start {context.args}")
        await update.message.reply_text("Welcome!")

    async def on_text(self, update: Update, _: Any) -> None:
        assert update.message is not None
        self.texts.append(update.message.text or "")
        await update.message.reply_text(f"echo {update.message.text}", do_quote=True)

    async def on_edit(self, update: Update, _: Any) -> None:
        assert update.edited_message is not None
        self.others.append(f"edit {update.edited_message.text}")

    async def on_location(self, update: Update, _: Any) -> None:
        assert update.message is not None
        assert update.message.location is not None
        self.others.append(f"location {update.message.location.latitude}")

    async def on_reaction(self, update: Update, _: Any) -> None:
        assert update.message_reaction is not None
        [new] = update.message_reaction.new_reaction
        self.others.append(f"reaction {new.to_dict()['emoji']}")

    async def on_membership(self, update: Update, _: Any) -> None:
        assert update.my_chat_member is not None
        self.others.append(f"now {update.my_chat_member.new_chat_member.status}")

    @asynccontextmanager
    async def polling(self) -> AsyncIterator[None]:
        application = self.application
        assert application.updater is not None
        async with application:
            await application.start()
            await application.updater.start_polling(
                timeout=5, allowed_updates=Update.ALL_TYPES, poll_interval=0
            )
            try:
                yield
            finally:
                await application.updater.stop()
                await application.stop()


async def test_a_polling_bot_hears_everything_and_answers(
    server: SimulatorServer, token: str, ana: Phone
) -> None:
    recorder = Recorder(server.url, token)
    async with recorder.polling():
        ana.start("invite-7")
        await ana.wait_for(lambda chat: "Welcome!" in chat.texts)
        said = ana.write("olá 😀")
        view = await ana.wait_for(lambda chat: "echo olá 😀" in chat.texts)
        ana.send_location(Location(latitude=1.5, longitude=2))
        ana.edit(said, "hello")
        ana.react(said, "🔥")
        ana.block()
        ana.unblock()
        ana.write("last")
        await ana.wait_for(lambda chat: "echo last" in chat.texts)
    assert view.messages[-1].reply_to == said
    assert recorder.others == [
        "start ['invite-7']",
        "location 1.5",
        "edit hello",
        "reaction 🔥",
        "now kicked",
        "now member",
    ]


async def test_a_restart_neither_loses_nor_repeats(
    server: SimulatorServer, token: str, ana: Phone
) -> None:
    first, second = Recorder(server.url, token), Recorder(server.url, token)
    async with first.polling():
        for number in range(5):
            ana.write(f"a{number}")
        await ana.wait_for(lambda chat: "echo a4" in chat.texts)
    for number in range(5):
        ana.write(f"b{number}")
    async with second.polling():
        await ana.wait_for(lambda chat: "echo b4" in chat.texts)
    assert first.texts == [f"a{number}" for number in range(5)]
    assert second.texts == [f"b{number}" for number in range(5)]


async def test_every_method_speaks_the_librarys_types(
    ptb_bot: Bot, ana: Phone, simulator: TelegramSimulator
) -> None:
    bot, chat = ptb_bot, ana.owner.id
    first = ana.start()
    group = simulator.add_group("Team", [ana])
    assert (await bot.get_me()).username == "example_bot"
    reply = ReplyParameters(first)
    sent = await bot.send_message(chat, "<b>hi</b>", parse_mode="HTML", reply_parameters=reply)
    assert sent.text_html == "<b>hi</b>"
    assert sent.reply_to_message is not None
    edited = await sent.edit_text("ho")
    assert isinstance(edited, Message)
    assert edited.edit_date is not None
    assert await sent.set_reaction("👍")
    place = await bot.send_location(chat, 1.5, 2.5)
    assert place.location is not None
    assert (await bot.send_contact(chat, "+55", "C")).contact is not None
    assert await bot.send_chat_action(chat, "typing")
    assert (await bot.get_chat(chat)).first_name == "Ana"
    assert (await bot.get_chat(group)).title == "Team"
    assert (await bot.get_chat_member(group, bot.id)).status == "administrator"
    assert await place.delete()
    assert await bot.delete_messages(chat, [sent.message_id])
    assert await bot.set_webhook("http://127.0.0.1:1/", secret_token="s")
    assert (await bot.get_webhook_info()).url == "http://127.0.0.1:1/"
    with pytest.raises(Conflict):
        await bot.get_updates()
    assert await bot.delete_webhook()
    assert await bot.log_out()
    assert await bot.close()


async def test_errors_become_the_librarys_exceptions(
    ptb_bot: Bot,
    ana: Phone,
    simulator: TelegramSimulator,
    server: SimulatorServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # else RetryAfter warns of its future
    bot, chat = ptb_bot, ana.owner.id
    with pytest.raises(Forbidden, match="can't initiate conversation"):
        await bot.send_message(chat, "x")
    ana.start()
    with pytest.raises(BadRequest, match="Message is too long"):
        await bot.send_message(chat, "x" * 4097)
    simulator.faults.add(Fault(kind=FaultKind.TOO_MANY_REQUESTS, retry_after=23))
    with pytest.raises(RetryAfter, match="23"):
        await bot.send_message(chat, "x")
    simulator.faults.add(Fault(kind=FaultKind.LOST_ANSWER))
    with pytest.raises(NetworkError):
        await bot.send_message(chat, "sent, but who knows")
    assert ana.view().texts == ["/start", "sent, but who knows"]
    ana.block()
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(chat, "x")
    stranger = Bot("123456:AAwrong", base_url=f"{server.url}/bot")
    with pytest.raises(InvalidToken):
        await stranger.initialize()
    await stranger.request.shutdown()  # a bot that never began does not close it
