"""The simulated platform: phones, what is sent to them and what people do on them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chat4all.connectors.mock.files import MAX_FILE_BYTES, PhoneFiles, whole
from chat4all.connectors.mock.journal import Journal
from chat4all.connectors.mock.screens import OURS, THEIRS, Act, Bubble, Screen, Screens
from chat4all.domain.errors import (
    ChannelError,
    Chat4AllError,
    FileGone,
    MessageNotFound,
    TooLarge,
    WebhookRejected,
)
from chat4all.domain.ids import new_id
from chat4all.domain.outgoing import FileRef, Outgoing
from chat4all.domain.payload import Payload, PayloadType, text
from chat4all.domain.status import Status
from chat4all.ports.phones import PhoneFailure, PhoneFile, PhoneMessage

OnEvent = Callable[[bytes], Awaitable[None]]
"""What takes one event: returning means it is kept, `WebhookRejected` that it never will be."""

_KINDS = {
    "image": PayloadType.IMAGE,
    "video": PayloadType.VIDEO,
    "audio": PayloadType.AUDIO,
}
_REWRITE_AFTER = 20_000  # lines of journal
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds between attempts to hand an event over

_log = logging.getLogger(__name__)


class PhoneNetwork:
    """Phones by their address, which may be any text; a phone exists once it is named.

    Like a platform it hands its events over in order, one at a time, and repeats one until
    it was taken. With a `folder` the screens and the events still to be handed over survive
    a restart. Use it as an asynchronous context.
    """

    def __init__(self, folder: Path | None = None, *, on_event: OnEvent | None = None) -> None:
        self._on_event = on_event
        self._journal = Journal(folder)
        self.files = PhoneFiles(folder)
        self._screens = Screens()
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        for act in self._journal.read():
            self._screens.apply(act)
        self._journal.rewrite(self._screens.acts())
        self._pump = asyncio.create_task(self._hand_over(), name="phone-network")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])
            self._pump = None
        self._journal.close()

    @property
    def on_event(self) -> OnEvent | None:
        """What takes the events; they wait until it is set."""
        return self._on_event

    @on_event.setter
    def on_event(self, on_event: OnEvent | None) -> None:
        self._on_event = on_event
        self._work.set()

    async def settled(self) -> None:
        """Wait until every event so far was handed over."""
        while self._screens.waiting:
            self._idle.clear()
            await self._idle.wait()

    # -- the platform's side, for the connector

    async def deliver(self, message: Outgoing) -> str:
        """Show a message on the phone; return its id, the same one for a repeat.

        A repeat has the id and the payload of a message shown before; with another payload
        it is a further part of that message.
        """
        return self._delivered(message, None)

    async def deliver_file(self, message: Outgoing, file: FileRef) -> str:
        """Show a file on the phone; see `deliver`. What reading it raises goes on."""
        screen = self._reachable(message.address)
        kept = None
        if screen.place_of(message) not in screen.bubbles:
            data = await whole(file.read())
            number = await asyncio.to_thread(self.files.keep, data)
            kept = PhoneFile(id=number, name=file.name, mime_type=file.mime_type, size=len(data))
        return self._delivered(message, kept)

    async def fetch(self, reference: str) -> bytes:
        """Return a file that a person sent, by what its event names it by."""
        about, _, phone = reference.partition("@")
        number, _, size = about.partition(".")
        self._reachable(phone)
        data = await asyncio.to_thread(self.files.read, number)
        if data is None:
            raise ChannelError(
                "the phones have the file no longer", retry=False, reason="media_gone"
            )
        if len(data) != int(size):
            raise ChannelError("the file broke off", retry=True, reason="unavailable")
        return data

    def _delivered(self, message: Outgoing, file: PhoneFile | None) -> str:
        screen = self._reachable(message.address)
        external_id = self._placed(screen, message, file)
        if screen.online:  # also for a repeat: there may have been a stop before the receipt
            self._report(screen, Status.DELIVERED)
        return external_id

    def _placed(self, screen: Screen, message: Outgoing, file: PhoneFile | None) -> str:
        external_id = screen.place_of(message)
        if external_id in screen.bubbles:
            return external_id
        self._do(
            {
                "act": "message",
                "phone": message.address,
                "id": external_id,
                "incoming": True,
                "payload": message.payload.as_dict(),
                "at": _now(),
                "status": Status.SENT.word,
                "from_name": message.from_name,
                "reply_to": message.reply_to,
                "file": asdict(file) if file else None,
            }
        )
        return external_id

    async def replace(self, address: str, external_id: str, payload: Payload) -> None:
        """Show another payload in a message that was sent to the phone."""
        bubble = self._sent_to(address, external_id)
        if bubble is None or bubble.deleted:
            raise ChannelError("the message is gone", retry=False, reason="message_gone")
        if bubble.payload != payload:
            act = {"act": "edit", "phone": address, "id": external_id}
            self._do({**act, "payload": payload.as_dict()})

    async def withdraw(self, address: str, external_id: str) -> None:
        """Delete a message that was sent to the phone."""
        bubble = self._sent_to(address, external_id)
        if bubble is not None and not bubble.deleted:
            self._do({"act": "delete", "phone": address, "id": external_id})

    async def show_reactions(self, address: str, external_id: str, emojis: Sequence[str]) -> None:
        """Make `emojis` the account's reactions on any message of the phone."""
        if external_id not in self._reachable(address).bubbles:
            raise ChannelError("the message is gone", retry=False, reason="message_gone")
        act = {"act": "react", "phone": address, "id": external_id}
        self._do({**act, "by": OURS, "emojis": list(emojis)})

    def touch(self, address: str) -> None:
        """Reach the phone without showing anything; raises as a send would."""
        self._reachable(address)

    # -- the person's side, for pages and tests

    def screens(self) -> Sequence[Screen]:
        """Return every phone, the one used last at the end."""
        return list(self._screens)

    def screen(self, external_id: str) -> Screen:
        """Return one phone."""
        return self._screens.phone(external_id)

    async def write(
        self, external_id: str, words: str | Payload, *, reply_to: str | None = None, name: str = ""
    ) -> PhoneMessage:
        """Let the person write; `name` is how the platform introduces them."""
        payload = text(words) if isinstance(words, str) else words
        return self._written(external_id, payload, None, reply_to=reply_to, name=name)

    async def send_file(
        self,
        external_id: str,
        data: bytes,
        *,
        name: str,
        mime_type: str,
        caption: str | None = None,
        reply_to: str | None = None,
        by: str = "",
    ) -> PhoneMessage:
        """Let the person send a file, of the kind that its type says; `by` as `name` above.

        Raises `TooLarge`.
        """
        if len(data) > MAX_FILE_BYTES:
            raise TooLarge(f"the phones send files of at most {MAX_FILE_BYTES} bytes")
        number = await asyncio.to_thread(self.files.keep, data)
        kind = _KINDS.get(mime_type.partition("/")[0], PayloadType.DOCUMENT)
        payload = Payload(type=kind, file_id=number, name=name, caption=caption)
        file = PhoneFile(id=number, name=name, mime_type=mime_type, size=len(data))
        return self._written(external_id, payload, file, reply_to=reply_to, name=by)

    async def file_of(self, external_id: str, message: str) -> tuple[PhoneFile, bytes]:
        """Return the file of a message on the phone. Raises `MessageNotFound`, `FileGone`."""
        bubble = self.screen(external_id).bubbles.get(message)
        if bubble is None or bubble.file is None or bubble.deleted:
            raise MessageNotFound("no such message with a file")
        data = await asyncio.to_thread(self.files.read, bubble.file.id)
        if data is None:
            raise FileGone("the phones keep the last files only; this one is gone")
        return bubble.file, data

    def _written(
        self,
        external_id: str,
        payload: Payload,
        file: PhoneFile | None,
        *,
        reply_to: str | None,
        name: str,
    ) -> PhoneMessage:
        number = new_id()
        message = {
            "id": number,
            "payload": payload.as_dict(),
            "at": _now(),
            "reply_to": reply_to,
            "file": asdict(file) if file else None,
        }
        self._do(
            {
                **message,
                "act": "message",
                "phone": external_id,
                "incoming": False,
                "status": Status.SENT.word,
            },
            {**message, "type": "message", "from": external_id, "name": name or external_id},
        )
        return self.screen(external_id).bubbles[number].seen()

    async def edit(self, external_id: str, message: str, words: str) -> None:
        """Let the person change a message of theirs."""
        self._own(external_id, message)
        change = {"id": message, "payload": text(words).as_dict()}
        self._do(
            {**change, "act": "edit", "phone": external_id},
            {**change, "type": "edit", "from": external_id, "at": _now()},
        )

    async def delete(self, external_id: str, message: str) -> None:
        """Let the person delete a message of theirs for everyone."""
        self._own(external_id, message)
        self._do(
            {"act": "delete", "phone": external_id, "id": message},
            {"type": "delete", "from": external_id, "id": message, "at": _now()},
        )

    async def react(self, external_id: str, message: str, emojis: Sequence[str]) -> None:
        """Make `emojis` the person's reactions on any message of the phone."""
        if message not in self.screen(external_id).bubbles:
            raise MessageNotFound(message)
        change = {"id": message, "emojis": list(emojis)}
        self._do(
            {**change, "act": "react", "phone": external_id, "by": THEIRS},
            {**change, "type": "reaction", "from": external_id, "at": _now()},
        )

    async def type(self, external_id: str) -> None:
        """Let the person start to write."""
        self._tell({"type": "typing", "from": external_id})

    async def read_all(self, external_id: str) -> None:
        """Let the person read all that came in; nothing arrives at a phone that is off."""
        screen = self.screen(external_id)
        if screen.online:
            self._report(screen, Status.READ)

    async def configure(
        self, external_id: str, *, online: bool, fail: PhoneFailure | str | None
    ) -> Screen:
        """Switch the phone on or off, or make it refuse; on brings what waited for it."""
        why = PhoneFailure(fail) if fail else None
        self._do({"act": "configure", "phone": external_id, "online": online, "fail": why})
        screen = self.screen(external_id)
        if online:
            self._report(screen, Status.DELIVERED)
        return screen

    # -- underneath

    def _reachable(self, address: str) -> Screen:
        screen = self._screens.phone(address)
        if screen.fail is not None:
            again = screen.fail is PhoneFailure.TEMPORARY
            raise ChannelError(
                "the phone is set to fail for now" if again else "the phone is set to refuse",
                retry=again,
                reason="unavailable" if again else "blocked",
                platform_error={"error": str(screen.fail)},
            )
        return screen

    def _sent_to(self, address: str, external_id: str) -> Bubble | None:
        bubble = self._reachable(address).bubbles.get(external_id)
        return bubble if bubble is not None and bubble.incoming else None

    def _own(self, external_id: str, message: str) -> None:
        bubble = self.screen(external_id).bubbles.get(message)
        if bubble is None or bubble.incoming or bubble.deleted:
            raise MessageNotFound(message)

    def _report(self, screen: Screen, status: Status) -> None:
        """Move what came in forward to `status`, and say so."""
        for bubble in list(screen.bubbles.values()):
            if bubble.incoming and not bubble.deleted and Status.of(bubble.status) < status:
                about = {"id": bubble.external_id, "status": status.word}
                # The receipt first: after a stop in between it comes twice, and not never.
                self._tell({**about, "type": "receipt", "from": screen.external_id, "at": _now()})
                self._do({**about, "act": "status", "phone": screen.external_id})

    def _do(self, act: Act, event: dict[str, Any] | None = None) -> None:
        self._keep(act)
        if event is not None:
            self._tell(event)

    def _tell(self, event: dict[str, Any]) -> None:
        number = self._screens.last_event + 1
        self._keep({"act": "event", "number": number, "body": event})
        self._work.set()

    def _keep(self, act: Act) -> None:
        self._journal.append(act)
        self._screens.apply(act)
        if self._journal.lines > _REWRITE_AFTER:
            self._journal.rewrite(self._screens.acts())

    async def _hand_over(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            if not self._screens.waiting or self._on_event is None:
                self._idle.set()
                self._work.clear()
                await self._work.wait()
                continue
            number, event = next(iter(self._screens.waiting.items()))
            if not await self._handed_over(event):
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            self._keep({"act": "done", "number": number})

    async def _handed_over(self, event: dict[str, Any]) -> bool:
        if self._on_event is None:
            return False
        try:
            await self._on_event(json.dumps(event).encode())
        except WebhookRejected:
            _log.exception("an event of the phones was rejected for good; dropping it")
        except Chat4AllError as error:  # such as an account that is switched off for now
            _log.warning("an event of the phones was not taken; trying again: %s", error)
            return False
        except Exception:  # noqa: BLE001 - whatever it was, a platform would call again
            _log.exception("an event of the phones was not taken; trying again")
            return False
        return True


def _now() -> str:
    return datetime.now(UTC).isoformat()
