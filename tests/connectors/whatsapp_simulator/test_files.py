"""Files at the simulated WhatsApp, by pywa and by plain HTTP: limits, types, loss."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pywa_async.client import WhatsApp
from pywa_async.errors import WhatsAppError

from chat4all.connectors.whatsapp.calls import HostTransport
from chat4all.testing.whatsapp import (
    Fault,
    FaultKind,
    Number,
    Phone,
    SimulatorServer,
    WhatsAppSimulator,
)

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


@pytest.fixture
async def client(server: SimulatorServer, number: Number) -> AsyncIterator[WhatsApp]:
    session = httpx.AsyncClient(trust_env=False, transport=HostTransport(server.url))
    async with session:
        yield WhatsApp(
            phone_id=number.phone_number_id,
            token=number.access_token,
            session=session,
            server=None,
        )


@pytest.fixture
async def api(server: SimulatorServer, number: Number) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {number.access_token}"}
    async with httpx.AsyncClient(
        base_url=f"{server.url}/v23.0/", headers=headers, trust_env=False
    ) as http:
        yield http


async def upload(
    api: httpx.AsyncClient, number: Number, data: bytes, mime_type: str
) -> httpx.Response:
    return await api.post(
        f"{number.phone_number_id}/media",
        data={"messaging_product": "whatsapp", "type": mime_type},
        files={"file": ("x", data, mime_type)},
    )


async def send(api: httpx.AsyncClient, number: Number, to: Phone, kind: str, **body: str) -> int:
    message = {"messaging_product": "whatsapp", "to": to.owner.phone, "type": kind, kind: body}
    answer = await api.post(f"{number.phone_number_id}/messages", json=message)
    code: int = answer.json().get("error", {}).get("code", 0)
    return code


async def test_pywa_sends_and_fetches_files(client: WhatsApp, ana: Phone, tmp_path: Path) -> None:
    ana.write("Oi")
    await client.send_image(ana.owner.phone, PICTURE, caption="Mar", mime_type="image/png")
    shown = ana.view().messages[-1]
    assert (ana.download(shown), shown.content["caption"]) == (PICTURE, "Mar")
    ana.send_media("document", b"%PDF-1.7", name="a.pdf")
    media_id = ana.view().messages[-1].content["id"]
    url = await client.get_media_url(media_id)
    assert url.sha256
    await client.download_media(url=url.url, path=tmp_path, filename="got.pdf")
    assert (tmp_path / "got.pdf").read_bytes() == b"%PDF-1.7"
    await client.delete_media(media_id)
    with pytest.raises(WhatsAppError):
        await client.get_media_url(media_id)


async def test_what_whatsapp_does_not_take_is_refused(
    api: httpx.AsyncClient, number: Number, ana: Phone
) -> None:
    ana.write("Oi")
    zipped = await upload(api, number, b"PK..", "application/zip")
    assert "one of the following types" in zipped.json()["error"]["error_data"]["details"]
    large = (await upload(api, number, bytes(5 * 1024**2 + 1), "image/png")).json()["id"]
    small = (await upload(api, number, PICTURE, "image/png")).json()["id"]
    assert await send(api, number, ana, "image", id=large) == 131053
    assert await send(api, number, ana, "audio", id=small) == 131053
    assert await send(api, number, ana, "image", id="404") == 131009
    assert await send(api, number, ana, "image", id=small, caption="a" * 1025) == 100
    assert await send(api, number, ana, "audio", id=small, caption="a") == 100
    assert await send(api, number, ana, "document", id=large, filename="a.png") == 0
    assert len(ana.view().messages) == 2


async def test_a_file_is_for_its_own_number_and_lost_in_time(
    api: httpx.AsyncClient, simulator: WhatsAppSimulator, number: Number, ana: Phone
) -> None:
    ana.send_media("image", PICTURE, to=number.phone_number_id)
    media_id = ana.view().messages[-1].content["id"]
    other = simulator.add_number("Other")
    headers = {"authorization": f"Bearer {other.access_token}"}
    assert (await api.get(media_id, headers=headers)).json()["error"]["code"] == 100
    found = (await api.get(media_id)).json()
    assert (await api.get(found["url"])).content == PICTURE
    assert (await api.get(found["url"], headers={"authorization": ""})).status_code == 401
    simulator.expire_files()
    assert (await api.get(media_id)).json()["error"]["error_subcode"] == 33
    assert (await api.get(found["url"])).status_code == 404


async def test_a_download_breaks_off_when_asked_to(
    api: httpx.AsyncClient, simulator: WhatsAppSimulator, ana: Phone
) -> None:
    ana.send_media("image", PICTURE)
    simulator.faults.add(Fault(kind=FaultKind.BROKEN_DOWNLOAD))
    url = (await api.get(ana.view().messages[-1].content["id"])).json()["url"]
    with pytest.raises(httpx.TransportError):
        await api.get(url)
    assert (await api.get(url)).content == PICTURE
