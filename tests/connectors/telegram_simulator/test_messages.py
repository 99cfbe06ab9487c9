"""What a bot can do with messages, and how Telegram refuses the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from chat4all.testing.telegram import (
    Contact,
    Location,
    ManualClock,
    Phone,
    SeenReaction,
    TelegramSimulator,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def bot(simulator: TelegramSimulator, token: str) -> AsyncIterator[httpx.AsyncClient]:
    """As in conftest, but without a port, which nothing here needs."""
    transport = httpx.ASGITransport(simulator.app())
    base_url = f"http://telegram.test/bot{token}/"
    async with httpx.AsyncClient(transport=transport, base_url=base_url) as client:
        yield client


async def result(bot: httpx.AsyncClient, method: str, **parameters: Any) -> Any:
    answer = await bot.post(method, json=parameters)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["ok"] is True
    return body["result"]


async def refusal(bot: httpx.AsyncClient, method: str, **parameters: Any) -> tuple[int, str]:
    answer = await bot.post(method, json=parameters)
    body = answer.json()
    assert body["ok"] is False
    assert body["error_code"] == answer.status_code
    return body["error_code"], body["description"]


async def test_a_sent_message_carries_what_telegram_says_about_it(
    bot: httpx.AsyncClient, ana: Phone
) -> None:
    ana.start()
    message = await result(bot, "sendMessage", chat_id=501, text="Hello, see /help")
    me = await result(bot, "getMe")
    assert message == {
        "message_id": 2,
        "from": {
            "id": me["id"],
            "is_bot": True,
            "first_name": "example_bot",
            "username": "example_bot",
        },
        "chat": {
            "id": 501,
            "type": "private",
            "first_name": "Ana",
            "last_name": "Lima",
            "username": "ana",
        },
        "date": 1_800_000_000,
        "text": "Hello, see /help",
        "entities": [{"type": "bot_command", "offset": 11, "length": 5}],
    }
    assert ana.view().texts == ["/start", "Hello, see /help"]


async def test_html_becomes_text_with_entities(bot: httpx.AsyncClient, ana: Phone) -> None:
    ana.start()
    message = await result(
        bot,
        "sendMessage",
        chat_id=501,
        parse_mode="HTML",
        text='😀 <b>1 &lt; 2</b> <a href="https://example.org/">x</a>',
    )
    assert message["text"] == "😀 1 < 2 x"
    assert message["entities"] == [
        {"type": "bold", "offset": 3, "length": 5},
        {"type": "text_link", "offset": 9, "length": 1, "url": "https://example.org/"},
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("<div>x</div>", 'Unsupported start tag "div" at byte offset 0'),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<b>x</i>", 'Unmatched end tag "i"'),
    ],
)
async def test_broken_html_is_refused(
    bot: httpx.AsyncClient, ana: Phone, text: str, reason: str
) -> None:
    ana.start()
    assert await refusal(bot, "sendMessage", chat_id=501, text=text, parse_mode="HTML") == (
        400,
        f"Bad Request: can't parse entities: {reason}",
    )


@pytest.mark.parametrize(
    ("parameters", "refused"),
    [
        ({"text": "x"}, (400, "Bad Request: chat_id is empty")),
        ({"chat_id": 9, "text": "x"}, (400, "Bad Request: chat not found")),
        ({"chat_id": "@nobody", "text": "x"}, (400, "Bad Request: chat not found")),
        ({"chat_id": 501}, (400, "Bad Request: message text is empty")),
        ({"chat_id": 501, "text": " \n"}, (400, "Bad Request: text must be non-empty")),
        ({"chat_id": 501, "text": "x" * 4097}, (400, "Bad Request: message is too long")),
        (
            {"chat_id": 501, "text": "x", "parse_mode": "BBCode"},
            (400, "Bad Request: unsupported parse_mode"),
        ),
        (
            {"chat_id": 501, "text": "x", "reply_parameters": {"message_id": 77}},
            (400, "Bad Request: message to be replied not found"),
        ),
        (
            {"chat_id": 501, "text": "x", "reply_to_message_id": 77},
            (400, "Bad Request: message to be replied not found"),
        ),
        (
            {"chat_id": 501, "text": "x", "reply_parameters": "{"},
            (400, "Bad Request: can't parse reply_parameters JSON object"),
        ),
    ],
)
async def test_send_message_refuses(
    bot: httpx.AsyncClient, ana: Phone, parameters: dict[str, Any], refused: tuple[int, str]
) -> None:
    ana.start()
    assert await refusal(bot, "sendMessage", **parameters) == refused
    assert ana.view().texts == ["/start"]


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
async def test_4096_characters_are_not_too_long(
    bot: httpx.AsyncClient, ana: Phone, letter: str
) -> None:
    ana.start()
    message = await result(bot, "sendMessage", chat_id=501, text=letter * 4096)
    assert len(message["text"]) == 4096
    refused = (400, "Bad Request: message is too long")
    assert await refusal(bot, "sendMessage", chat_id=501, text=letter * 4097) == refused


async def test_a_bot_cannot_write_first(
    bot: httpx.AsyncClient, ana: Phone, simulator: TelegramSimulator
) -> None:
    assert await refusal(bot, "sendMessage", chat_id=501, text="x") == (
        403,
        "Forbidden: bot can't initiate conversation with a user",
    )
    simulator.add_bot("other_bot", token="42:other")
    assert await refusal(bot, "sendMessage", chat_id=42, text="x") == (
        403,
        "Forbidden: bot can't send messages to bots",
    )


async def test_a_blocked_bot_is_forbidden_until_unblocked(
    bot: httpx.AsyncClient, ana: Phone
) -> None:
    ana.start()
    ana.block()
    blocked = (403, "Forbidden: bot was blocked by the user")
    assert await refusal(bot, "sendMessage", chat_id=501, text="x") == blocked
    assert await refusal(bot, "sendChatAction", chat_id=501, action="typing") == blocked
    assert await refusal(bot, "editMessageText", chat_id=501, message_id=1, text="x") == blocked
    ana.unblock()
    await result(bot, "sendMessage", chat_id=501, text="x")


@pytest.mark.parametrize(
    "reply",
    [
        {"reply_parameters": {"message_id": 1}},
        {"reply_parameters": '{"message_id": 1, "chat_id": 501}'},
        {"reply_to_message_id": 1},
    ],
)
async def test_a_reply_shows_the_message_it_answers_without_its_own_reply(
    bot: httpx.AsyncClient, ana: Phone, reply: dict[str, Any]
) -> None:
    first = ana.start()
    message = await result(bot, "sendMessage", chat_id=501, text="one", **reply)
    assert message["reply_to_message"]["message_id"] == first
    second = await result(
        bot, "sendMessage", chat_id=501, text="two", reply_to_message_id=message["message_id"]
    )
    assert second["reply_to_message"]["text"] == "one"
    assert "reply_to_message" not in second["reply_to_message"]
    assert [seen.reply_to for seen in ana.view().messages] == [None, 1, 2]


async def test_a_reply_to_nothing_may_be_allowed(bot: httpx.AsyncClient, ana: Phone) -> None:
    ana.start()
    reply = {"message_id": 77, "allow_sending_without_reply": True}
    message = await result(bot, "sendMessage", chat_id=501, text="x", reply_parameters=reply)
    assert "reply_to_message" not in message


async def test_an_edit_changes_what_the_person_sees(
    bot: httpx.AsyncClient, ana: Phone, clock: ManualClock
) -> None:
    ana.start()
    await result(bot, "sendMessage", chat_id=501, text="one")
    clock.now += 60
    edited = await result(bot, "editMessageText", chat_id=501, message_id=2, text="two")
    assert (edited["text"], edited["edit_date"]) == ("two", 1_800_000_060)
    seen = ana.view().messages[-1]
    assert (seen.text, seen.edited) == ("two", True)


async def test_edits_that_telegram_refuses(bot: httpx.AsyncClient, ana: Phone) -> None:
    ana.start()
    await result(bot, "sendMessage", chat_id=501, text="one")
    await result(bot, "sendLocation", chat_id=501, latitude=1, longitude=2)

    async def edit(message_id: int, text: str) -> tuple[int, str]:
        return await refusal(bot, "editMessageText", chat_id=501, message_id=message_id, text=text)

    status, reason = await edit(2, " one ")
    assert (status, reason.partition(":")[2][:28]) == (400, " message is not modified: sp")
    assert await edit(77, "x") == (400, "Bad Request: message to edit not found")
    assert await edit(1, "x") == (400, "Bad Request: message can't be edited")
    assert await edit(3, "x") == (400, "Bad Request: there is no text in the message to edit")
    assert await edit(2, "") == (400, "Bad Request: message text is empty")


async def test_deleted_messages_are_gone(
    bot: httpx.AsyncClient, ana: Phone, clock: ManualClock
) -> None:
    ana.start()
    for text in ("one", "two", "three"):
        await result(bot, "sendMessage", chat_id=501, text=text)
    assert await result(bot, "deleteMessage", chat_id=501, message_id=2) is True
    assert ana.view().texts == ["/start", "two", "three"]
    gone = (400, "Bad Request: message to delete not found")
    assert await refusal(bot, "deleteMessage", chat_id=501, message_id=2) == gone
    assert await result(bot, "deleteMessages", chat_id=501, message_ids=[2, 3, 99]) is True
    assert ana.view().texts == ["/start", "three"]
    clock.now += 48 * 3600 + 1
    old = (400, "Bad Request: message can't be deleted")
    assert await refusal(bot, "deleteMessage", chat_id=501, message_id=4) == old


@pytest.mark.parametrize(
    ("ids", "reason"),
    [
        (None, "message identifiers are not specified"),
        ([], "message identifiers are not specified"),
        ({"a": 1}, "expected an Array of message identifiers"),
        (list(range(1, 102)), "too many message identifiers specified"),
    ],
)
async def test_delete_messages_refuses(
    bot: httpx.AsyncClient, ana: Phone, ids: object, reason: str
) -> None:
    ana.start()
    refused = await refusal(bot, "deleteMessages", chat_id=501, message_ids=ids)
    assert refused == (400, f"Bad Request: {reason}")


async def test_a_message_id_is_not_used_again_after_a_deletion(
    bot: httpx.AsyncClient, ana: Phone
) -> None:
    ana.start()
    await result(bot, "sendMessage", chat_id=501, text="one")
    await result(bot, "deleteMessage", chat_id=501, message_id=2)
    assert (await result(bot, "sendMessage", chat_id=501, text="two"))["message_id"] == 3


async def test_a_bot_reacts_with_one_emoji(bot: httpx.AsyncClient, ana: Phone) -> None:
    ana.start()

    async def react(*emojis: str) -> dict[str, Any]:
        types = [{"type": "emoji", "emoji": emoji} for emoji in emojis]
        answer = await bot.post(
            "setMessageReaction", json={"chat_id": 501, "message_id": 1, "reaction": types}
        )
        body: dict[str, Any] = answer.json()
        return body

    assert (await react("❤️"))["result"] is True
    assert ana.view().messages[0].reactions == (SeenReaction(by="example_bot", emoji="❤"),)
    assert (await react())["result"] is True
    assert ana.view().messages[0].reactions == ()
    assert (await react("🧯"))["description"] == "Bad Request: REACTION_INVALID"
    assert (await react("👍", "🔥"))["description"] == "Bad Request: REACTIONS_TOO_MANY"
    missing = await refusal(bot, "setMessageReaction", chat_id=501, message_id=77)
    assert missing == (400, "Bad Request: message to react not found")


async def test_locations_and_contacts_arrive(bot: httpx.AsyncClient, ana: Phone) -> None:
    ana.start()
    place = await result(bot, "sendLocation", chat_id=501, latitude="-23.55", longitude="-46.63")
    assert place["location"] == {"latitude": -23.55, "longitude": -46.63}
    card = await result(
        bot, "sendContact", chat_id=501, phone_number="+5511", first_name="Carla", last_name="M"
    )
    assert card["contact"] == {"phone_number": "+5511", "first_name": "Carla", "last_name": "M"}
    seen = ana.view().messages
    assert seen[1].location == Location(latitude=-23.55, longitude=-46.63)
    assert seen[2].contact == Contact(phone_number="+5511", first_name="Carla", last_name="M")


@pytest.mark.parametrize(
    ("method", "parameters", "reason"),
    [
        ("sendLocation", {"longitude": 1}, "latitude is empty"),
        ("sendLocation", {"latitude": 1}, "longitude is empty"),
        ("sendLocation", {"latitude": 91, "longitude": 0}, "wrong location specified"),
        ("sendContact", {"first_name": "C"}, 'parameter "phone_number" is required'),
        ("sendContact", {"phone_number": "1"}, 'parameter "first_name" is required'),
        ("sendChatAction", {"action": "dancing"}, "wrong parameter action in request"),
        ("getChatMember", {"user_id": 9}, "user not found"),
    ],
)
async def test_wrong_parameters_are_named(
    bot: httpx.AsyncClient, ana: Phone, method: str, parameters: dict[str, Any], reason: str
) -> None:
    ana.start()
    refused = await refusal(bot, method, chat_id=501, **parameters)
    assert refused == (400, f"Bad Request: {reason}")


async def test_typing_shows_until_the_message_or_for_five_seconds(
    bot: httpx.AsyncClient, ana: Phone, clock: ManualClock
) -> None:
    ana.start()
    assert await result(bot, "sendChatAction", chat_id=501, action="typing") is True
    assert ana.view().doing == ("typing",)
    await result(bot, "sendMessage", chat_id=501, text="x")
    assert ana.view().doing == ()
    await result(bot, "sendChatAction", chat_id=501, action="typing")
    clock.now += 5
    assert ana.view().doing == ()


async def test_chats_and_members_can_be_asked_for(
    bot: httpx.AsyncClient, ana: Phone, simulator: TelegramSimulator
) -> None:
    bruno = simulator.add_person("Bruno")
    group = simulator.add_group("Team", [ana])
    chat = await result(bot, "getChat", chat_id=group)
    assert (chat["type"], chat["title"]) == ("group", "Team")
    me = await result(bot, "getMe")

    async def status(user_id: int) -> str:
        member = await result(bot, "getChatMember", chat_id=group, user_id=user_id)
        return str(member["status"])

    assert await status(me["id"]) == "administrator"
    assert await status(ana.owner.id) == "member"
    assert await status(bruno.owner.id) == "left"
    unknown = (400, "Bad Request: chat not found")
    assert await refusal(bot, "getChat", chat_id=bruno.owner.id) == unknown


async def test_a_bot_outside_a_group_may_not_write_there(
    bot: httpx.AsyncClient, ana: Phone, simulator: TelegramSimulator
) -> None:
    group = simulator.add_group("Without bots", [ana], bots=[])
    assert await refusal(bot, "sendMessage", chat_id=group, text="x") == (
        403,
        "Forbidden: bot is not a member of the group chat",
    )
