"""The address book of a program, against a real server."""

from __future__ import annotations

import pytest

from chat4all.client import Client, Conflict
from tests.client.people import PASSWORD, register

pytestmark = pytest.mark.timeout(120)


async def test_contacts_are_merged_listed_exported_and_taken_apart(url: str) -> None:
    await register(url, "gina")
    async with Client.sign_in(url, "gina", PASSWORD) as gina:
        ids = []
        for name in ("Hugo", "Hugo F."):
            channel = {"platform": "mock", "external_id": f"gina {name}"}
            body = {"display_name": name, "channels": [channel]}
            ids.append((await gina.call("POST", "/v1/contacts", body))["id"])
        before = [one async for one in gina.contacts.find("hugo")]
        assert sorted(one.id for one in before) == sorted(ids)
        assert [one async for one in gina.contacts.duplicates()] == []
        dry = await gina.contacts.merge(ids[0], ids[1:], dry_run=True)
        assert (dry.dry_run, dry.merge_id) == (True, None)
        wanted = {"display_name": "Hugo Faria", "preferred_channel": "mock"}
        merged = await gina.contacts.merge(ids[0], ids[1:], **wanted)  # type: ignore[arg-type]
        assert await gina.contacts.merge(ids[0], ids[1:]) == merged
        [hugo] = [one async for one in gina.contacts.find()]
        assert (hugo.display_name, hugo.preferred_channel) == ("Hugo Faria", "mock")
        assert len(hugo.channels) == 2
        [listed] = [one async for one in gina.contacts.merges()]
        assert (listed.id, listed.contact_id) == (merged.merge_id, ids[0])
        file = await gina.contacts.export()
        assert file.startswith(b"name,phone,channels,preferred_channel\r\nHugo Faria,")
        assert (await gina.contacts.export("vcard")).startswith(b"BEGIN:VCARD\r\nVERSION:4.0")
        undone = await gina.contacts.undo_merge(listed.id)
        assert undone == await gina.contacts.undo_merge(listed.id)
        assert [one async for one in gina.contacts.find("hugo")] == before


async def test_what_was_changed_since_is_told(url: str) -> None:
    await register(url, "ivo")
    async with Client.sign_in(url, "ivo", PASSWORD) as ivo:
        ids = [
            (await ivo.call("POST", "/v1/contacts", {"display_name": name}))["id"]
            for name in ("Jana", "Jana K.")
        ]
        merged = await ivo.contacts.merge(ids[0], ids[1:])
        await ivo.call("PATCH", f"/v1/contacts/{ids[0]}", {"display_name": "J."})
        with pytest.raises(Conflict, match="was renamed"):
            await ivo.contacts.undo_merge(merged.merge_id or "")
