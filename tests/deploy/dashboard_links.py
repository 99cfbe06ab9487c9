"""The links of the dashboards, and what their queries select, as Loki and Jaeger would."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers.otlp import Line, Span

OPS = Path(__file__).parents[2] / "ops"
VARIABLE = re.compile(r"\$\{__field\.labels\.(\w+)\}")
_MATCHER = r"(\w+) ?(=~|=) ?\"([^\"]*)\""
_LOGQL = re.compile(rf"\{{{_MATCHER}\}} \| {_MATCHER}")


@dataclass(frozen=True, slots=True)
class Link:
    """Where a point of a panel leads, with the labels of the point still to be filled in."""

    dashboard: str
    panel: str
    series: frozenset[str]
    """The labels that the series of the panel have."""
    query: Mapping[str, Any]
    source: str
    range: Mapping[str, str]

    def filled(self, **labels: str) -> str:
        """Return what is asked for at a point with these labels."""
        asked: str = self.query["expr" if self.source == "loki" else "tags"]
        return VARIABLE.sub(lambda found: labels[found[1]], asked)


def links() -> Iterator[Link]:
    """Yield the links of all dashboards."""
    for file in sorted((OPS / "grafana/dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            told = " ".join(one["legendFormat"] for one in panel.get("targets", ()))
            series = frozenset(re.findall(r"\{\{(\w+)\}\}", told))
            for one in panel.get("fieldConfig", {}).get("defaults", {}).get("links", ()):
                yield _link(file.stem, panel["title"], series, one["url"])


def _link(dashboard: str, panel: str, series: frozenset[str], url: str) -> Link:
    address = urlsplit(url)
    assert address.path == "/explore"
    asked = parse_qs(address.query, strict_parsing=True)
    assert asked["schemaVersion"] == ["1"]
    (pane,) = json.loads(asked["panes"][0]).values()
    (query,) = pane["queries"]
    assert query["datasource"]["uid"] == pane["datasource"]
    return Link(dashboard, panel, series, query, pane["datasource"], pane["range"])


def stream_labels(logql: str) -> list[str]:
    """Return the labels by which a query chooses streams, which have to be of Loki's index."""
    found = _LOGQL.fullmatch(logql)
    assert found is not None, logql
    return [found[1]]


def selects(logql: str, line: Line) -> bool:
    """Say whether a query selects a line, by the labels that Loki makes of what it is sent.

    https://grafana.com/docs/loki/latest/send-data/otel/
    """
    found = _LOGQL.fullmatch(logql)
    assert found is not None, logql
    labels = {**line.resource, **line.attributes, "severity_text": line.severity}
    known = {name.replace(".", "_"): str(value) for name, value in labels.items()}
    return all(
        re.fullmatch(value if how == "=~" else re.escape(value), known.get(name, "")) is not None
        for name, how, value in (found.groups()[:3], found.groups()[3:])
    )


def is_found(tags: str, span: Span) -> bool:
    """Say whether a search of Jaeger finds a span, which has `error` when it failed."""
    known = {**span.attributes, **({"error": "true"} if span.failed else {})}
    wanted = dict(one.split("=", 1) for one in tags.split(" "))
    return all(str(known.get(name)) == value for name, value in wanted.items())
