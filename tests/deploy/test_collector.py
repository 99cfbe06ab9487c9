"""The Collector's configuration holds together, and takes out what must not pass."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

OPS = Path(__file__).parents[2] / "ops"
PLANTED = (
    "Authorization: Bearer abcdefgh12345678",
    "token eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl",
    "https://api.telegram.org/bot123456789:AAF-planted_token_of_a_bot_000000000/getMe",
    "kafka://ana:secret@kafka:9092",
    "ana.souza@example.org",
    "+55 11 99999-0000",
)


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((OPS / "otel-collector/config.yaml").read_text())
    return found


def test_every_pipeline_is_made_of_parts_that_there_are(config: dict[str, Any]) -> None:
    used: dict[str, set[str]] = {"receivers": set(), "processors": set(), "exporters": set()}
    for pipeline in config["service"]["pipelines"].values():
        for kind, names in used.items():
            names |= set(pipeline[kind])
    assert used == {kind: set(config[kind]) for kind in used}
    assert set(config["service"]["extensions"]) == set(config["extensions"])


def test_what_holds_words_is_redacted_before_it_is_batched_and_sent(
    config: dict[str, Any],
) -> None:
    for signal in ("traces", "logs"):
        order = config["service"]["pipelines"][signal]["processors"]
        assert order[0] == "memory_limiter"
        assert order.index("transform/standard") < order.index("redaction") < order.index("batch")
        assert order[-1] == "batch"


@pytest.mark.parametrize("planted", PLANTED)
def test_a_secret_that_got_so_far_is_blocked(config: dict[str, Any], planted: str) -> None:
    patterns = config["processors"]["redaction"]["blocked_values"]
    assert any(re.search(one, planted) for one in patterns)


def test_logs_go_to_loki_and_metrics_to_prometheus(config: dict[str, Any]) -> None:
    loki = yaml.safe_load((OPS / "loki/config.yaml").read_text())
    port = loki["server"]["http_listen_port"]
    assert config["exporters"]["otlphttp/loki"]["endpoint"] == f"http://loki:{port}/otlp"
    assert loki["limits_config"]["allow_structured_metadata"] is True
    told = yaml.safe_load((OPS / "grafana/datasources/loki.yml").read_text())
    sources = {one["uid"]: one for one in told["datasources"]}
    assert sources["loki"]["url"] == f"http://loki:{port}"
    assert sources["loki"]["jsonData"]["derivedFields"][0]["datasourceUid"] in sources
    labels = loki["limits_config"]["otlp_config"]["resource_attributes"]["attributes_config"]
    assert labels[0]["attributes"] == ["service.name", "deployment.environment.name"]
    assert "prometheus" in config["service"]["pipelines"]["metrics"]["exporters"]
