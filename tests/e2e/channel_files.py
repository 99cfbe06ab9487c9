"""A product with bots and numbers at simulated platforms, and files that its people send."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from chat4all.testing.telegram import Phone as TelegramPhone
from chat4all.testing.telegram import TelegramSimulator
from chat4all.testing.whatsapp import Phone as WhatsAppPhone
from chat4all.testing.whatsapp import WhatsAppSimulator
from tests.e2e.account import PASSWORD, Account
from tests.e2e.product import running_server

PIECE = 8 * 1024**2


def picture(width: int = 8, height: int = 8, shade: int = 120) -> bytes:
    """Return a PNG of one grey."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return len(data).to_bytes(4) + checked + zlib.crc32(checked).to_bytes(4)

    head = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 0, 0, 0, 0])
    rows = (b"\0" + bytes([shade]) * width) * height
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


class Olga(Account):
    """An account that can wait for an answer, and come back."""

    def __init__(self, url: str, username: str) -> None:
        super().__init__(url, username)
        self._http.timeout = httpx.Timeout(120.0)  # a connector's library takes long to load

    @asynccontextmanager
    async def signed_in(self) -> AsyncIterator[Self]:
        """Sign in to the account that is there; the block is the session."""
        form = {"grant_type": "password", "username": self.username, "password": PASSWORD}
        async with self._http:
            answer = (await self._http.post("/v1/auth/token", data=form)).raise_for_status()
            self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            yield self

    async def until(self, path: str, wanted: Callable[[Any], Any], *, within: float = 90.0) -> Any:
        """Ask until `wanted` finds something in the answer; return that."""
        answer: Any = None
        try:
            async with asyncio.timeout(within):
                while True:
                    answer = await self.get(path)
                    if found := wanted(answer):
                        return found
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{path} is not as wanted: {answer}") from None


async def uploaded(by: Account, conversation: str, name: str, mime_type: str, data: bytes) -> str:
    """Upload a file as a client does; return its id."""
    begun = await by.post(
        "files/initiate",
        {
            "name": name,
            "size": len(data),
            "mime_type": mime_type,
            "checksum": f"sha256:{hashlib.sha256(data).hexdigest()}",
            "conversation_id": conversation,
        },
    )
    headers = {
        "authorization": f"Bearer {by.token}",
        "tus-resumable": "1.0.0",
        "content-type": "application/offset+octet-stream",
    }
    async with httpx.AsyncClient(trust_env=False, timeout=60.0) as http:
        for start in range(0, len(data), PIECE):
            answer = await http.patch(
                begun["upload_url"],
                headers={**headers, "upload-offset": str(start)},
                content=data[start : start + PIECE],
            )
            answer.raise_for_status()
    file = await by.post(f"files/{begun['file_id']}/complete", {})
    assert file["state"] == "ready"
    return str(file["id"])


@dataclass(frozen=True)
class Office:
    """Olga's bot and number, with Tom at Telegram and Ana at WhatsApp."""

    url: str
    olga: Olga
    telegram: TelegramSimulator
    whatsapp: WhatsAppSimulator
    tom: TelegramPhone
    ana: WhatsAppPhone

    async def upload(self, conversation: str, name: str, mime_type: str, data: bytes) -> str:
        """Upload a file as Olga; return its id."""
        return await uploaded(self.olga, conversation, name, mime_type, data)

    async def say(self, conversation: str, payload: dict[str, Any]) -> str:
        """Send as Olga; return the message's id."""
        body = {"conversation_id": conversation, "payload": payload}
        return str((await self.olga.post("messages", body))["message_id"])

    async def content(self, file_id: str) -> bytes:
        """Return the bytes of a file as Olga reads them."""
        headers = {"authorization": f"Bearer {self.olga.token}"}
        async with httpx.AsyncClient(trust_env=False, timeout=60.0) as http:
            answer = await http.get(f"{self.url}/v1/files/{file_id}/content", headers=headers)
        return answer.raise_for_status().content

    async def chat_with(self, name: str) -> str:
        """Return the private conversation with somebody who wrote first."""
        page = await self.olga.until(
            "conversations", lambda page: [one for one in page["items"] if _is_with(one, name)]
        )
        return str(page[0]["id"])

    async def group(self) -> str:
        """Return a new group of the three; Tom has its first message."""
        members = []
        for name in ("Tom", "Ana"):
            chat = await self.olga.get(f"conversations/{await self.chat_with(name)}")
            members += [one["user_id"] for one in chat["members"] if one["kind"] == "contact"]
        body = {"type": "group", "name": "Trip", "member_ids": members}
        group = str((await self.olga.post("conversations", body))["id"])
        await self.olga.say(group, ["Who has pictures?"])
        return group


def _is_with(conversation: dict[str, Any], name: str) -> bool:
    return conversation["type"] == "private" and any(
        one.get("display_name") == name for one in conversation["members"]
    )


@asynccontextmanager
async def open_office(folder: Path, **settings: str) -> AsyncIterator[Office]:
    """Run it all until the block ends; `settings` are named without their prefix."""
    telegram, whatsapp = TelegramSimulator(), WhatsAppSimulator()
    token, number = telegram.add_bot("trip_bot"), whatsapp.add_number("Trip")
    tom, ana = telegram.add_person("Tom"), whatsapp.add_person("Ana")
    async with telegram.serve() as bots, whatsapp.serve() as numbers:
        named = {
            "telegram_api": bots.url,
            "telegram_token": token,
            "whatsapp_api": numbers.url,
            **settings,
        }
        environment = {f"CHAT4ALL_{name.upper()}": value for name, value in named.items()}
        async with (
            running_server(folder, environment) as url,
            Olga(url, "olga").signed_up("Olga") as olga,
        ):
            await olga.until(
                "admin/connectors/accounts",
                lambda page: [one for one in page["items"] if one["platform"] == "telegram"],
            )
            config = {
                "access_token": number.access_token,
                "app_secret": number.app_secret,
                "verify_token": number.verify_token,
                "phone_number_id": number.phone_number_id,
            }
            account = {"platform": "whatsapp", "name": "Trip", "owner_id": olga.user_id}
            made = await olga.post("admin/connectors/accounts", {**account, "config": config})
            await whatsapp.subscribe(number, f"{url}/v1/webhooks/whatsapp/{made['id']}")
            tom.start()
            ana.write("Oi")
            yield Office(url, olga, telegram, whatsapp, tom, ana)
