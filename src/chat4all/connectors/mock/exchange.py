"""The simulated phones of another process, asked over the bus that the processes share.

One process has the phones and answers (`PhoneDesk`); the others ask it (`DistantPhones`). A
question names a call of `ports.phones.PhoneNetwork` and its arguments, in a line of JSON; the
bytes of a file follow it. The bus keeps nothing: what is not answered in time is `Unavailable`,
and may have happened.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec

from chat4all.connectors.mock.network import PhoneNetwork
from chat4all.connectors.mock.phones import ContactPhones
from chat4all.domain.errors import (
    ChannelError,
    ChannelNotFound,
    Chat4AllError,
    FileGone,
    MessageNotFound,
    TooLarge,
    Unavailable,
)
from chat4all.domain.ids import UserId
from chat4all.ports.ephemeral import Bus
from chat4all.ports.phones import Phone, PhoneFailure, PhoneFile, PhoneMessage

TOPIC = "phones"
"""Where questions go."""
PATIENCE = 5.0
"""Seconds within which the phones answer."""
NOBODY = (
    "no process with the simulated phones answers; start one: chat4all run connector --channel mock"
)
REFUSALS: dict[str, type[Chat4AllError]] = {
    one.code: one for one in (ChannelNotFound, MessageNotFound, FileGone, TooLarge)
}

T = TypeVar("T")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A call, and where its answer goes."""

    number: int
    answer_to: str
    call: str
    given: dict[str, Any]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no result; `retry` and `reason` are a `ChannelError`'s."""

    code: str
    detail: str
    retry: bool = True
    reason: str = "channel_error"

    def error(self) -> Chat4AllError:
        """Return it as what was raised over there."""
        if self.code == ChannelError.code:
            return ChannelError(self.detail, retry=self.retry, reason=self.reason)
        return REFUSALS.get(self.code, Unavailable)(self.detail)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a call."""

    number: int
    result: msgspec.Raw = msgspec.Raw(b"null")
    refusal: Refusal | None = None


class PhoneDesk:
    """Answers questions in the process that has the phones."""

    def __init__(self, bus: Bus, network: PhoneNetwork, phones: ContactPhones) -> None:
        self._bus = bus
        self._network = network
        calls = (
            phones.phones,
            phones.phone,
            phones.write,
            phones.read_all,
            phones.configure,
        )
        self._calls: dict[str, Callable[..., Awaitable[Any]]] = {one.__name__: one for one in calls}
        self._phones = phones

    async def run(self) -> None:
        """Answer one after the other, until cancelled or the bus is lost."""
        async with self._bus.listen(TOPIC) as questions:
            async for asked in questions:
                head, _, data = asked.partition(b"\n")
                question = msgspec.json.decode(head, type=Question)
                answer, more = await self._answer(question, data)
                payload = msgspec.json.encode(answer) + b"\n" + more
                await self._bus.publish(question.answer_to, payload)

    async def _answer(self, question: Question, data: bytes) -> tuple[Answer, bytes]:
        try:
            result, more = await self._do(question.call, question.given, data)
        except Chat4AllError as error:
            return Answer(number=question.number, refusal=_refusal(error)), b""
        raw = msgspec.Raw(msgspec.json.encode(result))
        return Answer(number=question.number, result=raw), more

    async def _do(self, call: str, given: dict[str, Any], data: bytes) -> tuple[Any, bytes]:
        """Return what a call returns, its bytes aside."""
        match call:
            case "send_file":
                return await self._phones.send_file(data=data, **given), b""
            case "file_of":
                return await self._phones.file_of(**given)
            case "fetch":
                return None, await self._network.fetch(**given)
            case _:
                return await self._calls[call](**given), b""


def _refusal(error: Chat4AllError) -> Refusal:
    if isinstance(error, ChannelError):
        told = str(error)
        return Refusal(code=error.code, detail=told, retry=error.retry, reason=error.reason)
    return Refusal(code=error.code, detail=str(error))


class DistantPhones:
    """The phones of another process: a `ports.phones.PhoneNetwork`. Its `run` hears the answers."""

    def __init__(self, bus: Bus, *, patience: float = PATIENCE) -> None:
        self._bus = bus
        self._patience = patience
        self._topic = f"{TOPIC}:{secrets.token_hex(8)}"
        self._asked: dict[int, asyncio.Future[tuple[Answer, bytes]]] = {}
        self._number = 0

    async def run(self) -> None:
        """Hear the answers, until cancelled or the bus is lost."""
        async with self._bus.listen(self._topic) as answers:
            async for told in answers:
                head, _, data = told.partition(b"\n")
                answer = msgspec.json.decode(head, type=Answer)
                waiting = self._asked.get(answer.number)
                if waiting is not None and not waiting.done():
                    waiting.set_result((answer, data))

    async def phones(self, owner: UserId) -> Sequence[Phone]:
        """See `PhoneNetwork.phones`."""
        return await self._ask("phones", list[Phone], owner=owner)

    async def phone(self, external_id: str) -> Phone:
        """See `PhoneNetwork.phone`."""
        return await self._ask("phone", Phone, external_id=external_id)

    async def write(self, external_id: str, text: str, reply_to: str | None = None) -> PhoneMessage:
        """See `PhoneNetwork.write`."""
        given = {"external_id": external_id, "text": text, "reply_to": reply_to}
        return await self._ask("write", PhoneMessage, **given)

    async def send_file(
        self,
        external_id: str,
        data: bytes,
        *,
        name: str,
        mime_type: str,
        caption: str | None = None,
        reply_to: str | None = None,
    ) -> PhoneMessage:
        """See `PhoneNetwork.send_file`."""
        given = {"external_id": external_id, "name": name, "mime_type": mime_type}
        words = {"caption": caption, "reply_to": reply_to}
        answer, _ = await self._exchange("send_file", {**given, **words}, data)
        return msgspec.json.decode(answer, type=PhoneMessage)

    async def file_of(self, external_id: str, message: str) -> tuple[PhoneFile, bytes]:
        """See `PhoneNetwork.file_of`."""
        given = {"external_id": external_id, "message": message}
        answer, data = await self._exchange("file_of", given)
        return msgspec.json.decode(answer, type=PhoneFile), data

    async def read_all(self, external_id: str) -> None:
        """See `PhoneNetwork.read_all`."""
        await self._exchange("read_all", {"external_id": external_id})

    async def configure(self, external_id: str, *, online: bool, fail: PhoneFailure | None) -> None:
        """See `PhoneNetwork.configure`."""
        given = {"external_id": external_id, "online": online, "fail": fail}
        await self._exchange("configure", given)

    async def fetch(self, reference: str) -> bytes:
        """Return a file that a person sent; raises as `MockConnector.fetch_media` does."""
        return (await self._exchange("fetch", {"reference": reference}))[1]

    async def _ask(self, call: str, kind: type[T], **given: Any) -> T:
        return msgspec.json.decode((await self._exchange(call, given))[0], type=kind)

    async def _exchange(
        self, call: str, given: dict[str, Any], data: bytes = b""
    ) -> tuple[msgspec.Raw, bytes]:
        self._number += 1
        number, waiting = self._number, asyncio.get_running_loop().create_future()
        self._asked[number] = waiting
        asked = Question(number=number, answer_to=self._topic, call=call, given=given)
        try:
            async with asyncio.timeout(self._patience):
                await self._bus.publish(TOPIC, msgspec.json.encode(asked) + b"\n" + data)
                answer, more = await waiting
        except TimeoutError:
            raise Unavailable(NOBODY) from None
        finally:
            del self._asked[number]
        if answer.refusal is not None:
            raise answer.refusal.error()
        return answer.result, more


class DistantNetwork(PhoneNetwork):
    """The network as a process sees it that does not have the phones.

    It fetches what was sent from them; nothing is delivered to them here.
    """

    def __init__(self, phones: DistantPhones) -> None:
        super().__init__()
        self._distant = phones

    async def fetch(self, reference: str) -> bytes:
        """Ask for the file."""
        return await self._distant.fetch(reference)

    def _reachable(self, address: str) -> Any:
        del address
        raise ChannelError(NOBODY, retry=True, reason="unavailable")
