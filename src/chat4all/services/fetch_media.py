"""Fetches the files of incoming messages from their platforms, however often it takes."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from chat4all.domain.errors import (
    ChannelError,
    Chat4AllError,
    ChecksumMismatch,
    FileGone,
    HarmfulFile,
    TooLarge,
)
from chat4all.domain.files import File, FileState, RemoteMedia
from chat4all.domain.ids import AccountId, ConversationId, FileId, UserId
from chat4all.domain.inbound import Attachment
from chat4all.ports.connector import Connector, SupportsMedia
from chat4all.services.clock import Clock, utc_now
from chat4all.services.file_intake import FileIntake
from chat4all.services.file_meter import AGAIN, FileMeter, NoFileMeter

log = structlog.get_logger(__name__)

AT_ONCE = 4
"""Files of one account that are fetched at a time."""
MOST = 10_000
"""Files that are begun and not done; what is beyond waits in the records."""
LOOK_SECONDS = 60.0
GIVE_UP_AFTER = timedelta(days=7)
"""How long a file is asked for again: platforms keep none longer."""
UNAVAILABLE = "media_unavailable"
_ENDED = (TooLarge, ChecksumMismatch, HarmfulFile, FileGone)
"""What the intake has dealt with when it raises it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy:
    """Seconds to wait after a failed fetch: doubled from `first` to `most`, with jitter."""

    first: float = 1.0
    most: float = 300.0

    def wait(self, attempt: int, wish: float | None) -> float:
        """Return the seconds to wait after attempt 0, 1 ...; the platform's wish is the least."""
        ceiling = min(self.most, self.first * 2.0 ** min(attempt, 20))
        return max(ceiling * random.uniform(0.5, 1.0), wish or 0.0)  # noqa: S311 - jitter is no secret


class MediaFetcher:
    """Takes in what `announce` was told of, and after a restart what the records tell of.

    A file is RECEIVING until it is READY, or FAILED with a code such as `media_gone` and a
    sentence. Each account has its own `at_once`, so a slow platform delays nobody else's.
    """

    def __init__(
        self,
        intake: FileIntake,
        connector_of: Callable[[AccountId], Awaitable[Connector | None]],
        *,
        at_once: int = AT_ONCE,
        policy: FetchPolicy | None = None,
        look: float = LOOK_SECONDS,
        meter: FileMeter | None = None,
        now: Clock = utc_now,
    ) -> None:
        self._intake = intake
        self._connector_of = connector_of
        self._look = look
        self._policy = policy or FetchPolicy()
        self._meter = meter or NoFileMeter()
        self._now = now
        self._slots: defaultdict[AccountId, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(at_once)
        )
        self._group: asyncio.TaskGroup | None = None
        self._begun: set[FileId] = set()

    async def announce(
        self,
        attachment: Attachment,
        *,
        account: AccountId,
        address: str,
        external_id: str,
        conversation: ConversationId,
        owner: UserId,
    ) -> File:
        """Keep durably that a file will come, and begin to fetch it; see `FileIntake.announce`."""
        file = await self._intake.announce(
            attachment,
            account=account,
            address=address,
            external_id=external_id,
            conversation=conversation,
            owner=owner,
        )
        self._begin(file)
        return file

    async def run(self) -> None:
        """Fetch until cancelled; may be called again after it failed."""
        self._begun.clear()
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                while True:
                    for file in await self._intake.waiting(limit=MOST):
                        self._begin(file)
                    await asyncio.sleep(self._look)
            finally:
                self._group = None

    def _begin(self, file: File) -> None:
        """Start on a file; what is left out here is found in the records later."""
        known = file.state is not FileState.RECEIVING or file.id in self._begun
        if self._group is not None and file.remote and not known and len(self._begun) < MOST:
            self._begun.add(file.id)
            self._group.create_task(self._bring(file, file.remote))

    async def _bring(self, file: File, remote: RemoteMedia) -> None:
        attempt = 0
        try:
            while True:
                async with self._slots[remote.account_id]:
                    error = await self._once(file, remote)
                if error is None:
                    return
                wish = error.retry_after if isinstance(error, ChannelError) else None
                wait = self._policy.wait(attempt, wish)
                self._meter.file_fetch(AGAIN)
                log.info("a file will be fetched again", file=file.id, why=str(error), wait=wait)
                attempt += 1
                await asyncio.sleep(wait)
        finally:
            self._begun.discard(file.id)

    async def _once(self, file: File, remote: RemoteMedia) -> Exception | None:
        """Try; return why to try again, None when the file has come or never will."""
        try:
            await self._fetch(file, remote)
        except _ENDED as error:
            log.info("a file was not taken in", file=file.id, code=error.code)
        except ChannelError as error:
            return await self._failed(file, error, for_good=not _may_pass(error))
        except Chat4AllError as error:
            return await self._failed(file, error, for_good=False)
        except Exception as error:  # the boundary between one file and the rest
            log.exception("fetching a file failed", file=file.id)
            return await self._failed(file, error, for_good=False)
        return None

    async def _fetch(self, file: File, remote: RemoteMedia) -> None:
        connector = await self._connector_of(remote.account_id)
        if connector is None:
            raise ChannelError("the account is not running", retry=True, reason="no_account")
        if not isinstance(connector, SupportsMedia):
            raise ChannelError("no files are fetched there", retry=False, reason="not_supported")
        data = connector.fetch_media(remote.reference)
        try:
            await self._intake.receive(file, data)
        finally:
            if isinstance(data, AsyncGenerator):
                await data.aclose()

    async def _failed(self, file: File, error: Exception, *, for_good: bool) -> Exception | None:
        late = self._now() - file.created_at > GIVE_UP_AFTER
        if not for_good and not late:
            return error
        code = error.reason if isinstance(error, ChannelError) and for_good else UNAVAILABLE
        try:
            await self._intake.fail(file, code, str(error))
        except Chat4AllError as unkept:  # said again with the next try
            return unkept
        log.warning("a file will never come", file=file.id, code=code)
        return None


def _may_pass(error: ChannelError) -> bool:
    # A refused token is the account's trouble, which its owner mends, and not the file's.
    return error.retry or error.of_account or error.reason == "unauthorized"
