"""What is measured, round by round: interleaved, so that drift hits everything alike."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench import people, servers
from bench.job import Answer, Findings, Job, Lane, Outcome, Phase
from bench.load import CAPACITY
from bench.seed import seed
from bench.servers import Cores, Server

SHARES = (0.25, 0.5, 0.75)
HALF = 0.5


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How the bench is run; it stands in the results."""

    rounds: int
    seconds: float
    warm_seconds: float
    connections: int
    text_length: int
    stored: int
    environment: dict[str, str]
    """Settings of the product beside its defaults."""


class Round(msgspec.Struct, kw_only=True):
    """What one round measured, by target: `litestar`, `asgi`, `empty`, `stored`."""

    outcomes: dict[str, dict[str, Outcome]] = msgspec.field(default_factory=dict)
    findings: dict[str, Findings] = msgspec.field(default_factory=dict)
    audit: dict[str, int] = msgspec.field(default_factory=dict)
    """Findings of the product's own check of everything, where it was asked for."""


class Bench:
    """All rounds of one run; `say` is told what is going on."""

    def __init__(
        self, settings: Settings, cores: Cores, folder: Path, say: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._cores = cores
        self._folder = folder
        self._say = say

    def run(self) -> list[Round]:
        """Measure; every other round goes backwards."""
        targets: list[Callable[[Round], None]] = [self._litestar, self._asgi, self._empty]
        if self._settings.stored:
            self._seed()
            targets.append(self._stored)
        rounds = []
        for number in range(self._settings.rounds):
            one = Round()
            for target in targets if number % 2 == 0 else reversed(targets):
                target(one)
            rounds.append(one)
            self._say(f"round {number + 1} of {self._settings.rounds}: {_summary(one)}")
        return rounds

    def profile(self, file: Path) -> None:
        """Run the product under the profiler with the capacity load."""
        folder = self._folder / "profiled"
        with servers.product(
            folder, self._cores, environment=self._settings.environment, profile=file
        ) as server:
            answer = self._load(server, people.lanes(server.url), [self._warm(), self._capacity()])
        accepted = answer.outcomes[-1].accepted
        self._say(f"profile of {accepted:.0f} accepted per second (slowed down) in {file}")

    def _litestar(self, one: Round) -> None:
        self._ceiling("litestar", one)

    def _asgi(self, one: Round) -> None:
        self._ceiling("asgi", one)

    def _ceiling(self, name: str, one: Round) -> None:
        with servers.ceiling(name, self._fresh(name), self._cores) as server:
            answer = self._load(server, [], [self._warm(), self._capacity()])
        one.outcomes[name] = _by_name(answer)

    def _empty(self, one: Round) -> None:
        named = Phase(name="named", kind="closed", seconds=self._settings.seconds, named=True)
        opened = [self._open(share) for share in SHARES]
        folder = self._fresh("empty")
        with servers.product(folder, self._cores, environment=self._settings.environment) as server:
            phases = [self._warm(), self._capacity(), named, *opened]
            answer = self._load(server, people.lanes(server.url), phases)
        _note(one, "empty", answer)

    def _stored(self, one: Round) -> None:
        folder = self._fresh("stored")
        shutil.copytree(self._folder / "seeded", folder)
        with servers.product(folder, self._cores, environment=self._settings.environment) as server:
            lanes = people.lanes(server.url)
            one.audit = people.check(server.url, folder)
            phases = [self._warm(), self._capacity(), self._open(HALF)]
            answer = self._load(server, lanes, phases)
        _note(one, "stored", answer)

    def _seed(self) -> None:
        started = time.monotonic()
        folder = self._folder / "seeded"
        with servers.product(folder, Cores(None, None), environment={}) as server:
            lanes = people.lanes(server.url)
        asyncio.run(seed(folder, lanes, self._settings.stored))
        took = time.monotonic() - started
        self._say(f"{self._settings.stored:,} messages stored beforehand in {took:.0f} s")

    def _fresh(self, name: str) -> Path:
        folder = self._folder / name
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def _warm(self) -> Phase:
        return Phase(name="warm", kind="closed", seconds=self._settings.warm_seconds)

    def _capacity(self) -> Phase:
        return Phase(name=CAPACITY, kind="closed", seconds=self._settings.seconds)

    def _open(self, share: float) -> Phase:
        name = f"load {share:.0%}"
        return Phase(name=name, kind="open", seconds=self._settings.seconds, share=share)

    def _load(self, server: Server, lanes: list[Lane], phases: list[Phase]) -> Answer:
        host, port = server.address
        job = Job(
            host=host,
            port=port,
            server_pid=server.pid,
            connections=self._settings.connections,
            phases=phases,
            lanes=lanes,
            text_length=self._settings.text_length,
            spin=self._cores.load is not None,
        )
        return servers.do(job, self._cores)


def _note(one: Round, target: str, answer: Answer) -> None:
    one.outcomes[target] = _by_name(answer)
    if answer.findings is not None:
        one.findings[target] = answer.findings


def _by_name(answer: Answer) -> dict[str, Outcome]:
    return {outcome.name: outcome for outcome in answer.outcomes}


def _summary(one: Round) -> str:
    rates = [
        f"{target} {outcomes[CAPACITY].accepted:,.0f}/s"
        for target, outcomes in one.outcomes.items()
    ]
    broken = sum(findings.broken for findings in one.findings.values())
    return f"{', '.join(rates)}; promises broken: {broken}"
