"""From a panel to the lines of the log and to the traces: what can be told without Grafana.

That the links select lines and spans that there are is proven with a real Collector, in
`test_real_collector.py`.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from email.message import Message

import pytest
import yaml

from tests.deploy.dashboard_links import OPS, VARIABLE, Link, links, stream_labels
from tests.servers.listener import Answer, listening

SOURCES = {
    one["uid"]: one
    for file in (OPS / "grafana/datasources").glob("*.yml")
    for one in yaml.safe_load(file.read_text())["datasources"]
}


def test_every_panel_leads_to_the_log_and_to_the_traces() -> None:
    panels: dict[tuple[str, str], list[str]] = {}
    for file in (OPS / "grafana/dashboards").glob("*.json"):
        for panel in json.loads(file.read_text())["panels"]:
            if panel["type"] != "row":
                panels[file.stem, panel["title"]] = []
    for link in links():
        panels[link.dashboard, link.panel].append(link.source)
    assert panels
    assert {tuple(led) for led in panels.values()} == {("loki", "traces")}


@pytest.mark.parametrize("link", list(links()), ids=lambda one: f"{one.dashboard}-{one.source}")
def test_a_link_asks_a_source_that_there_is_for_labels_that_the_point_has(link: Link) -> None:
    assert link.source in SOURCES
    assert link.range == {"from": "${__from}", "to": "${__to}"}
    assert set(VARIABLE.findall(json.dumps(link.query))) <= link.series
    loki = yaml.safe_load((OPS / "loki/config.yaml").read_text())
    index = loki["limits_config"]["otlp_config"]["resource_attributes"]["attributes_config"][0]
    if link.source == "loki":
        for label in stream_labels(link.query["expr"]):
            assert label in {one.replace(".", "_") for one in index["attributes"]}


def test_a_connectors_panels_lead_to_what_is_its_own() -> None:
    found = [one for one in links() if one.dashboard == "connector-telegram"]
    assert {one.query.get("tags") for one in found} == {None, "chat4all.platform=telegram"}
    assert all('connector = "telegram"' in one.query["expr"] for one in found[::2])


def test_a_line_leads_to_its_trace_and_a_span_to_its_lines() -> None:
    (derived,) = SOURCES["loki"]["jsonData"]["derivedFields"]
    assert (derived["matcherType"], derived["matcherRegex"]) == ("label", "trace_id")
    assert derived["datasourceUid"] == "traces"
    back = SOURCES["traces"]["jsonData"]["tracesToLogsV2"]
    assert back["datasourceUid"] == "loki"
    assert '| trace_id = "$${__trace.traceId}"' in back["query"]


def test_permissions_of_the_folder_are_told_to_grafana() -> None:
    told: list[tuple[str, str, bytes]] = []

    def take(path: str, headers: Message, body: bytes) -> Answer:
        told.append((path, headers["authorization"], body))
        return Answer(status=200 if len(told) == 1 else 401)

    command = [sys.executable, str(OPS / "grafana/set_permissions.py"), "--grafana"]
    environment = {**os.environ, "GRAFANA_PASSWORD": "pa:ss"}
    with listening(take) as grafana:
        subprocess.run([*command, grafana], env=environment, check=True)
        refused = subprocess.run(
            [*command, grafana], env=environment, capture_output=True, text=True, check=False
        )
    (provider,) = yaml.safe_load((OPS / "grafana/providers/chat4all.yml").read_text())["providers"]
    path, authorization, body = told[0]
    assert path == f"/api/folders/{provider['folderUid']}/permissions"
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"admin:pa:ss"
    allowed = {one["role"]: one["permission"] for one in json.loads(body)["items"]}
    assert allowed == {"Viewer": 1, "Editor": 1}, "1 is to look, 2 to change"
    assert refused.returncode == 1
    assert refused.stderr == "Grafana refused: 401 Unauthorized (is GRAFANA_PASSWORD right?)\n"
