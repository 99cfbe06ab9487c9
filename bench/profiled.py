"""Runs `chat4all serve` under cProfile and writes its dearest functions to a file.

Only the main thread, the event loop, is profiled. cProfile makes small functions look
dearer than they are: read the shares, not the times.
"""

from __future__ import annotations

import asyncio
import cProfile
import io
import pstats
import sys
from pathlib import Path

import uvloop

from chat4all.bootstrap.server import serve
from chat4all.settings import load_settings

TOP = 30


async def _serve(profile: cProfile.Profile) -> None:
    loop = asyncio.get_running_loop()

    def begin(_: str) -> None:
        # Starting is not what is asked about. Not here: it would be profiled for this call.
        loop.call_soon(profile.enable)

    await serve(load_settings({}), on_ready=begin)


def main() -> None:
    """Serve until SIGTERM, then write the profile to the file of the first argument."""
    profile = cProfile.Profile()
    uvloop.run(_serve(profile))
    profile.disable()
    text = io.StringIO()
    stats = pstats.Stats(profile, stream=text)
    for order in ("tottime", "cumulative"):
        text.write(f"\n== the {TOP} dearest functions by {order}\n")
        stats.sort_stats(order).print_stats(TOP)
    Path(sys.argv[1]).write_text(text.getvalue())


if __name__ == "__main__":
    main()
