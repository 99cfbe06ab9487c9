"""Chooses who looks into the bytes of files, by what is installed and set."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from importlib.util import find_spec

from chat4all.adapters.clamav.scanner import ClamdScanner
from chat4all.adapters.media.sniffing_inspector import SniffingInspector
from chat4all.adapters.media.worker_inspector import WorkerInspector
from chat4all.ports.media import MediaInspector, VirusScanner
from chat4all.settings import Settings


def open_inspector() -> AbstractAsyncContextManager[MediaInspector]:
    """Return what tells types, sizes and thumbnails; the type alone without the extra `media`."""
    if find_spec("PIL") is None or find_spec("av") is None:
        return nullcontext(SniffingInspector())
    return WorkerInspector()


def scanner_of(settings: Settings) -> VirusScanner | None:
    """Return the scanner that the settings name, if they name one."""
    return ClamdScanner(settings.clamav_url) if settings.clamav_url else None
