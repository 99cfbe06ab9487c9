"""Damage done behind the server's back, while it runs: the auditor finds it, and tells."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.account import Account
from tests.e2e.sender import sender
from tests.e2e.watched_server import Watched, watched_server

pytestmark = pytest.mark.embedded("damages files of the data folder")

PATIENCE = 60.0
FAST = {"audit_rate": "100000", "audit_grace_seconds": "1"}


class Ward:
    """A server, its operator, and the knife."""

    def __init__(self, server: Watched, operator: httpx.AsyncClient) -> None:
        self.server = server
        self._operator = operator

    async def report(self) -> dict[str, Any]:
        answer = await self._operator.get("/v1/admin/integrity")
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    async def until(self, met: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for a report that `met` likes; return it."""
        limit = time.monotonic() + PATIENCE
        while not met(report := await self.report()):
            assert time.monotonic() < limit, report
            await asyncio.sleep(0.2)
        return report

    async def proven(self) -> dict[str, Any]:
        """Wait until everything there is now has been looked at; return what is known then."""
        now = datetime.now(UTC)

        def is_later(report: dict[str, Any]) -> bool:
            until = report["proven_until"]
            again = [one for one in report["parts"] if one["part"] == "log_again"]
            times = [until, *(one["proven_until"] for one in again)]
            return all(one is not None and datetime.fromisoformat(one) > now for one in times)

        return await self.until(is_later)

    async def shown(self) -> dict[str, float]:
        """Return what `/metrics` tells of findings, by check."""
        return {
            line.partition('check="')[2].partition('"')[0]: float(line.rpartition(" ")[2])
            for line in await self.metrics("chat4all_integrity_findings{")
        }

    async def metrics(self, start: str) -> list[str]:
        """Return the lines of `/metrics` that begin so."""
        lines = (await self._operator.get("/metrics")).text.splitlines()
        return [line for line in lines if line.startswith(start)]

    async def cut(self, database: str, *statements: tuple[str, Sequence[object]]) -> None:
        """Change a database of the data folder, as no program of ours does."""

        def work() -> None:
            with closing(sqlite3.connect(self.server.data / f"{database}.sqlite3")) as db, db:
                for statement, values in statements:
                    db.execute(statement, values)

        await asyncio.to_thread(work)


@asynccontextmanager
async def ward(folder: Path, **settings: str) -> AsyncIterator[Ward]:
    async with (
        watched_server(folder, **{**FAST, **settings}) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30.0) as http,
    ):
        key = json.loads((server.data / "operator.json").read_text())
        form = {
            "grant_type": "client_credentials",
            "client_id": key["client_id"],
            "client_secret": key["client_secret"],
        }
        answer = await http.post("/v1/auth/token", data=form)
        http.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"
        yield Ward(server, http)


COPY = """
INSERT INTO message (conversation, seq, id, sender, channel, created_at, partition, offset, digest)
SELECT conversation, coalesce(?, seq), coalesce(?, id), sender, channel, created_at, partition,
    offset, digest
FROM message WHERE id = ?
"""
STUCK = """
INSERT INTO status (message, conversation, user, channel, status, at)
SELECT id, conversation, sender, 'telegram', 1, created_at - 2 * 86400000000
FROM message WHERE id = ?
"""
MOVE = """
UPDATE cursor SET delivered = ?, read = ?
WHERE conversation = (SELECT conversation FROM message WHERE id = ?)
"""


def packed(message: str) -> bytes:
    return uuid.UUID(message).bytes


async def test_each_planted_damage_is_found_within_a_cycle_and_raises_the_alarm(
    tmp_path: Path,
) -> None:
    async with (
        ward(tmp_path) as place,
        Account(place.server.url, "ana").signed_up("Ana") as ana,
        Account(place.server.url, "bia").signed_up("Bia") as bia,
        Account(place.server.url, "caio").signed_up("Caio") as caio,
        sender(place.server.url, ana) as files,
    ):
        talk, other = await ana.chat_with(bia), await ana.chat_with(caio)
        ids = [packed(one) for one in await ana.say(talk, [f"word {n}" for n in range(40)])]
        others = [packed(one) for one in await ana.say(other, ["one", "two", "three"])]
        await bia.history(talk, 40)
        await caio.history(other, 3)
        await bia.post(f"conversations/{talk}/read", {"up_to_seq": 30})
        await caio.post(f"conversations/{other}/delivered", {"up_to_seq": 3})
        lost, stray = [await files.upload(talk, b"bytes") for _ in range(2)]
        report = await place.proven()
        assert set(report["findings"].values()) == {0}
        assert report["latest"] == []
        assert set((await place.shown()).values()) == {0.0}

        await place.cut(
            "messages",
            ("DELETE FROM message WHERE id = ?", (ids[2],)),
            ("DROP INDEX message_place", ()),
            ("DROP INDEX message_id", ()),
            (COPY, (None, uuid.uuid4().bytes, ids[10])),
            (COPY, (41, None, ids[20])),
            (STUCK, (ids[5],)),
            (MOVE, (900, 900, ids[5])),
            (MOVE, (1, 1, others[0])),
        )
        (place.server.data / "objects" / "objects" / f"files+{lost}").unlink()
        await place.cut("files", ("DELETE FROM file WHERE id = ?", (stray,)))

        report = await place.until(lambda one: all(one["findings"].values()))
        told = {(one["check"], one["conversation_id"]): one["detail"] for one in report["latest"]}
        assert "seq 3 is missing" in " ".join(one["detail"] for one in report["latest"])
        assert "seq 11 is given twice" in " ".join(one["detail"] for one in report["latest"])
        assert told.keys() == {
            ("sequence_gap", talk),
            ("duplicate_message_id", talk),
            ("cursor_mismatch", talk),
            ("cursor_back", other),
            ("status_stuck", talk),
            ("lost_record", talk),
            ("missing_object", talk),
            ("orphan_file", None),
        }
        assert report["findings"]["sequence_gap"] == 2
        shown = await place.shown()
        assert shown.keys() == report["findings"].keys()
        assert all(shown.values())
        said = place.server.output()
        assert said.count("integrity finding") >= len(told)
        assert "word 2" not in said


async def test_nothing_is_found_where_all_is_well_under_load_and_it_goes_on_after_a_restart(
    tmp_path: Path,
) -> None:
    async with (
        ward(tmp_path) as place,
        Account(place.server.url, "ana").signed_up("Ana") as ana,
        Account(place.server.url, "bia").signed_up("Bia") as bia,
    ):
        talk = await ana.chat_with(bia)

        sending = True

        async def send() -> None:
            for batch in range(6):
                await ana.say(talk, [f"{batch} {n}" for n in range(40)])
                await bia.post(f"conversations/{talk}/read", {"up_to_seq": 1 + batch})

        async def watch() -> None:
            while sending:
                assert (await place.report())["latest"] == []
                await asyncio.sleep(0.2)

        await ana.say(talk, ["first"])
        await bia.history(talk, 1)
        watching = asyncio.ensure_future(watch())
        await asyncio.gather(*(send() for _ in range(3)))
        await bia.history(talk, 721)
        sending = False
        await watching
        assert (await place.proven())["latest"] == []
        before = await place.report()
    async with ward(tmp_path, audit_rate="1") as place:
        after = await place.report()
        assert after["proven_until"] >= before["proven_until"]
        await place.cut("messages", ("DELETE FROM message WHERE seq = 700", ()))
    async with ward(tmp_path) as place:
        report = await place.until(lambda one: one["findings"]["lost_record"])
        assert report["findings"]["sequence_gap"] == 1


async def test_the_canary_tells_how_long_each_channel_pair_takes(tmp_path: Path) -> None:
    birds = "mock:canary-a mock:canary-b telegram:77"
    async with ward(tmp_path, canary=birds, canary_seconds="1") as place:
        report = await place.until(lambda one: len(one["canary"]) == 9)
        became = {
            (one["source"], one["target"], one["outcome"], one["seconds"] is not None)
            for one in report["canary"]
        }
        assert became == {
            ("app", "mock", "delivered", True),
            ("mock", "mock", "delivered", True),
            ("telegram", "mock", "delivered", True),
            ("app", "telegram", "failed", False),  # no bot is connected
            ("mock", "telegram", "failed", False),
        }
        measured = await place.metrics("chat4all_canary_duration_seconds_count{")
        for source in ("app", "mock", "telegram"):
            pair = (f'source="{source}"', 'target="mock"')
            assert [line for line in measured if all(one in line for one in pair)]
        assert not [line for line in measured if 'target="telegram"' in line]
        assert (await place.proven())["latest"] == []
