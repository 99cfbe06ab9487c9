"""The rules of Prometheus: right by promtool, on metrics there are, a paragraph for each alert."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.prometheus import program

ROOT = Path(__file__).parents[2]
OPS = ROOT / "ops/prometheus"
PAGE = ROOT / "docs/howto/operate/alerts.md"
METRICS = ROOT / "docs/reference/metrics.md"
METRIC = re.compile(r"\b(?:http_server|chat4all)_\w+")


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
