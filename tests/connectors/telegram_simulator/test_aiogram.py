"""aiogram, unchanged, against the simulator: https://docs.aiogram.dev."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.filters import CommandObject, CommandStart
from aiogram.types import (
    ChatMemberUpdated,
    Message,
    MessageReactionUpdated,
    ReactionTypeEmoji,
    ReplyParameters,
)
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web

from chat4all.testing.telegram import Contact, Fault, FaultKind, Location, Phone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from chat4all.testing.telegram import SimulatorServer, TelegramSimulator


@pytest.fixture
async def aiogram_bot(server: SimulatorServer, token: str) -> AsyncIterator[Bot]:
    session = AiohttpSession(api=TelegramAPIServer.from_base(server.url))
    async with Bot(token, session=session) as bot:
        yield bot


class Recorder:
    """An echo bot that notes what it handled."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.payloads: list[str | None] = []
        self.others: list[str] = []
        self.dispatcher = Dispatcher()
        self.dispatcher.message(CommandStart())(self.on_start)
        self.dispatcher.message()(self.on_message)
        self.dispatcher.edited_message()(self.on_edit)
        self.dispatcher.message_reaction()(self.on_reaction)
        self.dispatcher.my_chat_member()(self.on_membership)

    async def on_start(self, message: Message, command: CommandObject) -> None:
        self.payloads.append(command.args)
        await message.answer("Welcome!")

    async def on_message(self, message: Message) -> None:
        if message.location is not None:
            self.others.append(f"location {message.location.latitude}")
        elif message.contact is not None:
            self.others.append(f"contact {message.contact.phone_number}")
        else:
            self.texts.append(message.text or "")
            await message.reply(f"echo {message.text}")

    async def on_edit(self, message: Message) -> None:
        self.others.append(f"edit {message.text}")

    async def on_reaction(self, reaction: MessageReactionUpdated) -> None:
        [new] = reaction.new_reaction
        assert isinstance(new, ReactionTypeEmoji)
        self.others.append(f"reaction {new.emoji}")

    async def on_membership(self, change: ChatMemberUpdated) -> None:
        self.others.append(f"now {change.new_chat_member.status}")

    @asynccontextmanager
    async def polling(self, bot: Bot) -> AsyncIterator[None]:
        task = asyncio.create_task(
            self.dispatcher.start_polling(
                bot, polling_timeout=5, handle_signals=False, close_bot_session=False
            )
        )
        try:
            yield
        finally:
            await self.dispatcher.stop_polling()
            await task


async def test_a_polling_bot_hears_everything_and_answers(aiogram_bot: Bot, ana: Phone) -> None:
    recorder = Recorder()
    async with recorder.polling(aiogram_bot):
        ana.start("invite-7")
        await ana.wait_for(lambda chat: "Welcome!" in chat.texts)
        said = ana.write("olá 😀")
        view = await ana.wait_for(lambda chat: "echo olá 😀" in chat.texts)
        ana.send_location(Location(latitude=1.5, longitude=2))
        ana.send_contact(Contact(phone_number="+55", first_name="C"))
        ana.edit(said, "hello")
        ana.react(said, "🔥")
        ana.block()
        ana.unblock()
        ana.write("last")
        await ana.wait_for(lambda chat: "echo last" in chat.texts)
    assert view.messages[-1].reply_to == said
    assert recorder.payloads == ["invite-7"]
    assert sorted(recorder.others) == sorted(
        [
            "location 1.5",
            "contact +55",
            "edit hello",
            "reaction 🔥",
            "now kicked",
            "now member",
        ]
    )


async def test_a_restart_neither_loses_nor_repeats(
    aiogram_bot: Bot, ana: Phone, simulator: TelegramSimulator
) -> None:
    first, second = Recorder(), Recorder()
    async with first.polling(aiogram_bot):
        for number in range(5):
            ana.write(f"a{number}")
        await ana.wait_for(lambda chat: "echo a4" in chat.texts)
        # Only the poll after it confirms what was handled; before, a restart would repeat.
        [queue] = [bot.updates for bot in simulator.network.bots.values()]
        assert await simulator.network.changes.until(lambda: len(queue) == 0, within=30)
    for number in range(5):
        ana.write(f"b{number}")
    async with second.polling(aiogram_bot):
        await ana.wait_for(lambda chat: "echo b4" in chat.texts)
    assert sorted(first.texts + second.texts) == [
        *(f"a{number}" for number in range(5)),
        *(f"b{number}" for number in range(5)),
    ]


async def test_a_webhook_bot_hears_and_answers(aiogram_bot: Bot, ana: Phone) -> None:
    recorder = Recorder()
    app = web.Application()
    handler = SimpleRequestHandler(recorder.dispatcher, aiogram_bot, secret_token="s3cret")
    handler.register(app, "/hook")
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        url = f"http://{host}:{port}/hook"
        assert await aiogram_bot.set_webhook(url, secret_token="s3cret")
        ana.start("by-webhook")
        ana.write("ping")
        await ana.wait_for(lambda chat: {"Welcome!", "echo ping"} <= set(chat.texts))
        info = await aiogram_bot.get_webhook_info()
        assert (info.url, info.pending_update_count, info.last_error_message) == (url, 0, None)
        with pytest.raises(TelegramConflictError):
            await aiogram_bot.get_updates()
        assert await aiogram_bot.delete_webhook(drop_pending_updates=True)
    finally:
        await runner.cleanup()
    assert recorder.payloads == ["by-webhook"]


async def test_every_method_speaks_aiograms_types(
    aiogram_bot: Bot, ana: Phone, simulator: TelegramSimulator
) -> None:
    bot, chat = aiogram_bot, ana.owner.id
    first = ana.start()
    group = simulator.add_group("Team", [ana])
    assert (await bot.get_me()).username == "example_bot"
    reply = ReplyParameters(message_id=first)
    sent = await bot.send_message(chat, "<b>hi</b>", parse_mode="HTML", reply_parameters=reply)
    assert sent.html_text == "<b>hi</b>"
    assert sent.reply_to_message is not None
    edited = await sent.edit_text("ho")
    assert isinstance(edited, Message)
    assert edited.edit_date is not None
    assert await sent.react([ReactionTypeEmoji(emoji="👍")])
    place = await bot.send_location(chat, 1.5, 2.5)
    assert place.location is not None
    assert (await bot.send_contact(chat, "+55", "C")).contact is not None
    assert await bot.send_chat_action(chat, "typing")
    assert (await bot.get_chat(chat)).first_name == "Ana"
    assert (await bot.get_chat(group)).title == "Team"
    member = await bot.get_chat_member(group, bot.id)
    assert member.status == "administrator"
    assert await place.delete()
    assert await bot.delete_messages(chat, [sent.message_id])
    assert await bot.log_out()


async def test_errors_become_aiograms_exceptions(
    aiogram_bot: Bot, ana: Phone, simulator: TelegramSimulator, server: SimulatorServer
) -> None:
    bot, chat = aiogram_bot, ana.owner.id
    with pytest.raises(TelegramForbiddenError, match="can't initiate conversation"):
        await bot.send_message(chat, "x")
    ana.start()
    with pytest.raises(TelegramBadRequest, match="message is too long"):
        await bot.send_message(chat, "x" * 4097)
    simulator.faults.add(Fault(kind=FaultKind.TOO_MANY_REQUESTS, retry_after=23))
    with pytest.raises(TelegramRetryAfter) as too_many:
        await bot.send_message(chat, "x")
    assert too_many.value.retry_after == 23
    simulator.faults.add(Fault(kind=FaultKind.SERVER_ERROR))
    with pytest.raises(TelegramServerError):
        await bot.send_message(chat, "x")
    simulator.faults.add(Fault(kind=FaultKind.LOST_ANSWER))
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(chat, "sent, but who knows")
    assert ana.view().texts == ["/start", "sent, but who knows"]
    ana.block()
    with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
        await bot.send_message(chat, "x")
    session = AiohttpSession(api=TelegramAPIServer.from_base(server.url))
    async with Bot("123456:AAwrong", session=session) as stranger:
        with pytest.raises(TelegramUnauthorizedError):
            await stranger.get_me()
