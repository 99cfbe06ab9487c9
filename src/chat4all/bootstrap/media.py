"""Chooses who looks into the bytes of files, by what is installed and set."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from importlib.util import find_spec

from chat4all.adapters.clamav.scanner import ClamdScanner
from chat4all.adapters.media.limits import Limits
from chat4all.adapters.media.sniffing_inspector import SniffingInspector
from chat4all.adapters.media.worker_inspector import WorkerInspector
from chat4all.domain.errors import EngineMissing, Unavailable
from chat4all.ports.media import MediaInspector, VirusScanner
from chat4all.settings import Settings


def open_inspector(settings: Settings) -> AbstractAsyncContextManager[MediaInspector]:
    """Return what tells types, sizes and thumbnails; the type alone without the extra `media`."""
    installed = find_spec("PIL") is not None or find_spec("av") is not None  # each does its part
    if not installed or settings.media_workers == 0:
        return nullcontext(SniffingInspector())
    return WorkerInspector(Limits(workers=settings.media_workers))


def scanner_of(settings: Settings) -> VirusScanner | None:
    """Return the scanner that the settings name, if they name one."""
    return ClamdScanner(settings.clamav_url) if settings.clamav_url else None


async def require_scanner(settings: Settings) -> None:
    """Raise `EngineMissing` when the scanner that the settings name does not answer."""
    if not settings.clamav_url:
        return
    try:
        await ClamdScanner(settings.clamav_url).ping()
    except Unavailable as error:
        raise EngineMissing(f"CHAT4ALL_CLAMAV_URL: {error}; start clamd, then try again") from error
