"""Which kinds of devices are pushed to follows from the settings, and what is wrong is named."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from chat4all.adapters.memory.directory import MemoryDirectory
from chat4all.bootstrap import extras
from chat4all.bootstrap.push import open_push
from chat4all.domain.errors import BadSettings, InvalidInput
from chat4all.domain.push import PushKind
from chat4all.ports.push import PushResult, PushSender
from chat4all.settings import load_settings
from chat4all.testing.push_sender import HELLO
from chat4all.testing.receiver import PaperReceiver
from tests.servers.phone_services import PhoneServices


@pytest.fixture
async def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PhoneServices]:
    async with PhoneServices(tmp_path).on() as services:
        monkeypatch.setenv("SSL_CERT_FILE", str(services.certificate))
        yield services


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def opened(stack: AsyncExitStack, environment: dict[str, str]) -> PushSender:
    ours = {name: value for name, value in environment.items() if name.startswith("CHAT4ALL_")}
    keys = MemoryDirectory().keys
    sender, key = await open_push(load_settings({}, ours), PaperReceiver(), keys, stack)
    assert len(key) == 87
    return sender


async def test_without_settings_browsers_alone_are_pushed_to(
    services: PhoneServices, stack: AsyncExitStack
) -> None:
    sender = await opened(stack, {})
    for kind in (PushKind.FCM, PushKind.APNS):
        with pytest.raises(InvalidInput, match=f"not set up .* {kind}"):
            await sender.check(services.phone(kind).device)


@pytest.mark.parametrize("kind", [PushKind.FCM, PushKind.APNS])
async def test_what_is_set_up_is_pushed_to(
    services: PhoneServices, stack: AsyncExitStack, kind: PushKind
) -> None:
    sender = await opened(stack, services.settings)
    phone = services.phone(kind)
    await sender.check(phone.device)
    assert (await sender.send(phone.device, HELLO)).result is PushResult.TAKEN
    assert len(phone.pushes()) == 1


async def test_each_of_apple_s_apps_that_is_named_may_be_registered(
    services: PhoneServices, stack: AsyncExitStack
) -> None:
    sender = await opened(stack, services.settings)
    device = services.phone(PushKind.APNS).device
    keys = {**device.keys, "topic": "org.example.other"}
    await sender.check(replace(device, keys=keys))


async def test_who_sets_a_part_of_apns_is_told_the_rest(
    services: PhoneServices, stack: AsyncExitStack
) -> None:
    settings = services.settings
    del settings["CHAT4ALL_APNS_TEAM_ID"], settings["CHAT4ALL_APNS_TOPICS"]
    with pytest.raises(BadSettings, match="CHAT4ALL_APNS_TEAM_ID and CHAT4ALL_APNS_TOPICS"):
        await opened(stack, settings)


async def test_apns_without_its_library_says_what_to_install(
    services: PhoneServices, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    with pytest.raises(BadSettings, match=r"CHAT4ALL_APNS_KEY.*pip install 'chat4all\[apns\]'"):
        await opened(stack, services.settings)


@pytest.mark.parametrize("name", ["CHAT4ALL_FCM_CREDENTIALS", "CHAT4ALL_APNS_KEY"])
async def test_a_file_that_is_not_there_is_named(
    services: PhoneServices, stack: AsyncExitStack, name: str
) -> None:
    with pytest.raises(BadSettings, match=f"{name}: cannot read /nowhere"):
        await opened(stack, {**services.settings, name: "/nowhere"})


def test_what_pushes_can_be_imported_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.startswith("chat4all.adapters.apns")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "h2", None)
    from chat4all.adapters.apns.sender import ApnsSender  # noqa: PLC0415

    assert ApnsSender.__module__ == "chat4all.adapters.apns.sender"
