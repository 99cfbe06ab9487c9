"""The rules of Prometheus: right by promtool, on metrics there are, a paragraph for each alert."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.e2e.account import Account
from tests.e2e.product import running_server
from tests.servers.cache import Missing, skip_for
from tests.servers.process import free_port, running

ROOT = Path(__file__).parents[2]
OPS = ROOT / "ops/prometheus"
PAGE = ROOT / "docs/howto/operate/alerts.md"
METRICS = ROOT / "docs/reference/metrics.md"
METRIC = re.compile(r"\b(?:http_server|chat4all)_\w+")


def program(name: str) -> str:
    """Return a program of Prometheus; skip, or fail, when there is none."""
    found = shutil.which(name)
    if found is None:
        skip_for(Missing(f"there is no {name}; on Debian: apt-get install prometheus"))
    return found


def rules() -> Iterator[dict[str, Any]]:
    for file in sorted((OPS / "rules").glob("*.yml")):
        for group in yaml.safe_load(file.read_text())["groups"]:
            yield from group["rules"]


ALERTS = [one["alert"] for one in rules() if "alert" in one]


@pytest.mark.parametrize(
    "command", [("check", "config", "prometheus.yml"), ("test", "rules", "tests/alerts.yml")]
)
def test_promtool_finds_nothing_wrong(command: tuple[str, ...]) -> None:
    words = [program("promtool"), *command[:2], str(OPS / command[2])]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_tried_when_its_fault_is_there_and_when_it_is_not() -> None:
    cases = yaml.safe_load((OPS / "tests/alerts.yml").read_text())["tests"]
    tried = [one for case in cases for one in case["alert_rule_test"]]
    assert {one["alertname"] for one in tried if one.get("exp_alerts")} == set(ALERTS)
    assert {one["alertname"] for one in tried if not one.get("exp_alerts")} == set(ALERTS)


@pytest.mark.parametrize("rule", [one for one in rules() if "alert" in one], ids=ALERTS)
def test_each_alert_leads_to_its_paragraph(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert ROOT / page == PAGE
    assert anchor == rule["alert"].lower()
    assert f"\n## {rule['alert']}\n" in PAGE.read_text()
    assert rule["labels"]["severity"] in {"page", "ticket"}


def test_rules_are_about_metrics_that_are_documented() -> None:
    named = {name for one in rules() for name in METRIC.findall(one["expr"])}
    told = METRICS.read_text()
    assert named
    assert [one for one in named if re.sub(r"_(count|bucket|sum)$", "", one) not in told] == []


async def test_prometheus_computes_every_rule_of_a_server_that_runs(tmp_path: Path) -> None:
    home, port = tmp_path / "prometheus", free_port()
    shutil.copytree(OPS, home)
    async with running_server(tmp_path, {}) as server:
        config = yaml.safe_load((home / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        (job,) = config["scrape_configs"]
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": [server.removeprefix("http://")]}]
        (home / "prometheus.yml").write_text(yaml.safe_dump(config))
        for file in (home / "rules").glob("*.yml"):
            file.write_text(re.sub(r"interval: 30s", "interval: 1s", file.read_text()))
        url = f"http://127.0.0.1:{port}"
        command = [program("prometheus"), f"--config.file={home}/prometheus.yml"]
        command += [f"--storage.tsdb.path={home}/data", f"--web.listen-address=127.0.0.1:{port}"]
        with running(command, environment={}, output=home / "output.txt", ready=f"{url}/-/ready"):
            async with (
                Account(server, "ana").signed_up("Ana") as ana,
                httpx.AsyncClient(base_url=url, trust_env=False) as http,
            ):
                await _every_rule_has_a_value(http, ana)


async def _every_rule_has_a_value(http: httpx.AsyncClient, ana: Account) -> None:
    of_deliveries = {"chat4all:deliveries_failed:ratio_rate10m"}  # here is nobody to deliver to
    wanted = {one["record"] for one in rules() if "record" in one} - of_deliveries
    async with asyncio.timeout(60):
        while wanted:
            await ana.get("users/me")
            for name in sorted(wanted):
                if (await _query(http, name)) not in ([], ["NaN"]):
                    wanted.discard(name)
            await asyncio.sleep(0.5)
    assert (await _query(http, "chat4all:errors:ratio_rate5m")) == ["0"]
    told = (await http.get("/api/v1/rules")).json()["data"]["groups"]
    assert sorted(one["name"] for group in told for one in group["rules"]) == sorted(
        one.get("alert") or one["record"] for one in rules()
    )
    assert [one for group in told for one in group["rules"] if one["health"] == "err"] == []
    assert (await http.get("/api/v1/alerts")).json()["data"]["alerts"] == []


async def _query(http: httpx.AsyncClient, expression: str) -> list[str]:
    answer = (await http.get("/api/v1/query", params={"query": expression})).json()
    assert answer["status"] == "success", answer
    return [one["value"][1] for one in answer["data"]["result"]]
