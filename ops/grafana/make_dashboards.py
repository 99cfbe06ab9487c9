"""Writes the dashboards of Grafana: `python ops/grafana/make_dashboards.py`.

Five that the design names, and one for each connector. The pictures are data below; what
Grafana wants of a dashboard is the matter of its own library.
https://grafana.github.io/grafana-foundation-sdk/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from grafana_foundation_sdk.builders.common import VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef

FOLDER = Path(__file__).with_name("dashboards")
SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
CONNECTORS = ("mock", "telegram", "whatsapp", "xmpp")
REQUESTS = "http_server_request_duration_seconds"
LINES = '{service_name=~"chat4all.*"}'
SERVICE = "chat4all"
"""What `CHAT4ALL_SERVICE_NAME` says by default; the search of Jaeger asks for a whole name."""
NAMES = {
    "channel": ("connector", "chat4all.platform"),
    "platform": ("connector", "chat4all.platform"),
    "target": ("connector", "chat4all.platform"),
    "http_route": ("", "http.route"),
    "check": ("check", ""),
}
"""What a label of a series is called in lines of the log and in spans; empty where it is not."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One panel: a title, the unit of its values, and queries by what their lines are called.

    `channel` is the connector that all of it is about.
    """

    title: str
    unit: str
    queries: Mapping[str, str]
    says: str = ""
    channel: str = ""


def rate(metric: str, by: str = "", where: str = "") -> str:
    """Return the query of how often something happened in a second."""
    grouped = f" by ({by})" if by else ""
    return f'sum{grouped} (rate({metric}{{job="chat4all"{where}}}[$__rate_interval]))'


def quantile(share: float, by: str = "") -> str:
    """Return the query of the time within which `share` of the requests were answered."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, {rate(f'{REQUESTS}_bucket', labels)})"


def of_channel(channel: str) -> list[Picture]:
    """Return the pictures of one connector."""
    return [replace(one, channel=channel) for one in pictures_of_channel(channel)]


def pictures_of_channel(channel: str) -> list[Picture]:
    """Return them without the connector they are about."""
    here, platform = f',channel="{channel}"', f',platform="{channel}"'
    failed = rate("chat4all_deliveries_total", where=f'{here},status="failed"')
    return [
        Picture(
            "Deliveries by what became of them",
            "ops",
            {"{{status}}": rate("chat4all_deliveries_total", "status", here)},
        ),
        Picture(
            "Share that fails",
            "percentunit",
            {"failed": f"({failed} or vector(0)) / {rate('chat4all_deliveries_total', '', here)}"},
            "Over 5 % for ten minutes is an alert.",
        ),
        Picture(
            "Messages that came in", "ops", {"messages": rate("chat4all_messages_total", "", here)}
        ),
        Picture(
            "Callbacks by outcome",
            "ops",
            {"{{outcome}}": rate("chat4all_callbacks_total", "outcome", platform)},
        ),
        Picture(
            "Accounts by state",
            "short",
            {"{{state}}": f'sum by (state) (chat4all_account_state{{job="chat4all"{platform}}})'},
            "Deaf, logged out or banned for five minutes is an alert.",
        ),
    ]


DASHBOARDS: dict[str, list[Picture]] = {
    "Executive": [
        Picture(
            "Messages a second", "ops", {"{{channel}}": rate("chat4all_messages_total", "channel")}
        ),
        Picture(
            "Answers that are errors of ours",
            "percentunit",
            {"5xx": "chat4all:errors:ratio_rate5m", "aim": "vector(0.01)"},
            "The aim is less than 1 %, and 99.95 % available over a month.",
        ),
        Picture(
            "Time of 95 requests of 100",
            "s",
            {"p95": "chat4all:request_seconds:p95_5m", "aim": "vector(0.2)"},
        ),
        Picture(
            "Availability of six hours",
            "percentunit",
            {"available": "1 - chat4all:errors:ratio_rate6h", "aim": "vector(0.9995)"},
        ),
        Picture(
            "Broken promises",
            "short",
            {"{{check}}": "max by (check) (chat4all_integrity_findings)"},
            "What the auditor has found, and has not seen mended yet. More than none is an alert.",
        ),
        Picture(
            "Age of the proof that all promises are kept",
            "s",
            {"everything": "max(chat4all_integrity_proven_age_seconds)"},
            "All that was accepted or stored so long ago has been looked at. A day is an alert.",
        ),
    ],
    "API": [
        Picture(
            "Requests a second by route",
            "reqps",
            {"{{http_route}}": rate(f"{REQUESTS}_count", "http_route")},
        ),
        Picture("p95 by route", "s", {"{{http_route}}": quantile(0.95, "http_route")}),
        Picture("p99 by route", "s", {"{{http_route}}": quantile(0.99, "http_route")}),
        Picture(
            "4xx and 5xx",
            "reqps",
            {
                "{{http_response_status_code}}": rate(
                    f"{REQUESTS}_count",
                    "http_response_status_code",
                    ',http_response_status_code=~"[45].."',
                )
            },
        ),
        Picture(
            "Clients connected", "short", {"{{instance}}": 'chat4all_connections{job="chat4all"}'}
        ),
    ],
    "Workers": [
        Picture("Messages stored a second", "ops", {"stored": rate("chat4all_messages_total")}),
        Picture(
            "Accepted and not yet stored",
            "short",
            {"{{instance}}": 'chat4all_router_lag{job="chat4all"}'},
            "Over 5,000 for five minutes is an alert; at CHAT4ALL_BACKLOG senders get 503.",
        ),
        Picture(
            "Receipts that wait for our record",
            "short",
            {"{{instance}}": 'chat4all_early_receipts_lag{job="chat4all"}'},
            "For messages that others sent they wait for five minutes, and for the store.",
        ),
        Picture(
            "Deliveries by status",
            "ops",
            {"{{status}}": rate("chat4all_deliveries_total", "status")},
        ),
        Picture(
            "Age of the auditor's proof, by part",
            "s",
            {"{{part}}": "max by (part) (chat4all_integrity_proven_age_seconds)"},
            "How long ago that is until which a part is proven.",
        ),
        Picture(
            "Records that the auditor looks at",
            "ops",
            {"{{part}}": rate("chat4all_integrity_looked_total", "part")},
            "Together at most CHAT4ALL_AUDIT_RATE.",
        ),
        Picture(
            "Time of the auditor's last whole pass",
            "s",
            {"{{part}}": "max by (part) (chat4all_integrity_cycle_seconds)"},
        ),
        Picture(
            "Broken promises when first found",
            "ops",
            {"{{check}}": rate("chat4all_integrity_found_total", "check")},
        ),
        Picture(
            "Given up and parked, by stream",
            "ops",
            {"{{stream}}": rate("chat4all_dead_letters_total", "stream")},
            "`chat4all dead-letters list` gives the reasons.",
        ),
        Picture(
            "Incoming without effect",
            "ops",
            {"{{reason}}": rate("chat4all_inbound_ignored_total", "reason")},
        ),
    ],
    "Connectors": [
        Picture(
            "Deliveries that fail, by channel",
            "percentunit",
            {"{{channel}}": "chat4all:deliveries_failed:ratio_rate10m"},
        ),
        Picture(
            "Deliveries by channel",
            "ops",
            {"{{channel}}": rate("chat4all_deliveries_total", "channel")},
        ),
        Picture(
            "Callbacks by platform and outcome",
            "ops",
            {"{{platform}} {{outcome}}": rate("chat4all_callbacks_total", "platform, outcome")},
        ),
        Picture(
            "Accounts by state",
            "short",
            {
                "{{platform}} {{state}}": (
                    'sum by (platform, state) (chat4all_account_state{job="chat4all"})'
                )
            },
        ),
        Picture(
            "Canary: time from accepted to delivered, of 95 messages of 100",
            "s",
            {
                "{{source}} to {{target}}": (
                    "histogram_quantile(0.95, "
                    + rate("chat4all_canary_duration_seconds_bucket", "le, source, target")
                    + ")"
                )
            },
            "Only where CHAT4ALL_CANARY names chats.",
        ),
        Picture(
            "Canary: messages by what became of them",
            "ops",
            {
                "{{source}} to {{target}} {{outcome}}": rate(
                    "chat4all_canary_messages_total", "source, target, outcome"
                )
            },
        ),
        Picture(
            "Files of platforms",
            "ops",
            {"{{outcome}}": rate("chat4all_file_fetches_total", "outcome")},
        ),
    ],
    "Infrastructure": [
        Picture("Processes that answer", "short", {"{{role}} {{instance}}": 'up{job="chat4all"}'}),
        Picture(
            "Processor",
            "percentunit",
            {"{{instance}}": rate("process_cpu_seconds_total", "instance")},
        ),
        Picture(
            "Memory", "bytes", {"{{instance}}": 'process_resident_memory_bytes{job="chat4all"}'}
        ),
        Picture(
            "Redis answers", "short", {"{{instance}}": 'chat4all_ephemeral_shared{job="chat4all"}'}
        ),
        Picture(
            "Bytes of files",
            "Bps",
            {
                "{{peer}} {{network_io_direction}}": rate(
                    "chat4all_file_io_bytes_total", "peer, network_io_direction"
                )
            },
        ),
        Picture(
            "Bytes kept", "bytes", {"objects": 'max(chat4all_file_stored_bytes{job="chat4all"})'}
        ),
    ],
    **{f"Connector {name}": of_channel(name) for name in CONNECTORS},
}


def links(picture: Picture) -> list[DashboardLink]:
    """Return where a point of a panel leads: the lines, and the traces, of that time.

    Of one connector, route or check where the series names it; otherwise what went wrong.
    https://grafana.com/docs/grafana/latest/panels-visualizations/configure-data-links/
    """
    named = re.findall(r"\{\{(\w+)\}\}", " ".join(picture.queries))
    label = next((one for one in named if one in NAMES), "")
    value = f"${{__field.labels.{label}}}"
    if picture.channel:
        label, value = "channel", picture.channel
    of_lines, of_spans = NAMES.get(label, ("", ""))
    lines = f'{of_lines} = "{value}"' if of_lines else 'severity_text =~ "warning|error|critical"'
    spans = f"{of_spans}={value}" if of_spans else "error=true"
    search = {"queryType": "search", "service": SERVICE, "tags": spans, "limit": 20}
    return [
        link("Lines of the log", "loki", {"expr": f"{LINES} | {lines}", "queryType": "range"}),
        link("Traces", "traces", search),
    ]


def link(title: str, source: str, query: Mapping[str, object]) -> DashboardLink:
    """Return a link to a query of a data source, for the time that the panel shows."""
    pane = {
        "datasource": source,
        "queries": [{"refId": "A", "datasource": {"uid": source}, **query}],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
    panes = quote(json.dumps({"a": pane}, separators=(",", ":")), safe="")
    # What Grafana fills in has to stand as it is.
    filled = re.sub(r"%24%7B([\w.]+)%7D", r"${\1}", panes)
    url = f"/explore?schemaVersion=1&panes={filled}"
    return DashboardLink(title).url(url).target_blank(target_blank=True)


def panel(picture: Picture) -> Panel:
    """Return what Grafana calls a panel."""
    made = (
        Panel()
        .title(picture.title)
        .description(picture.says)
        .unit(picture.unit)
        .min(0)
        .span(12)
        .height(8)
        .datasource(SOURCE)
        .data_links(links(picture))
        .legend(
            VizLegendOptions()
            .show_legend(show_legend=True)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
        )
    )
    for number, (legend, query) in enumerate(picture.queries.items()):
        made.with_target(
            Dataquery().expr(query).legend_format(legend).ref_id(chr(ord("A") + number))
        )
    return made


def dashboards() -> Iterator[tuple[str, str]]:
    """Yield the name of each file and what stands in it."""
    for name, pictures in DASHBOARDS.items():
        key = name.lower().replace(" ", "-")
        made = (
            Dashboard(f"Chat4All: {name}")
            .uid(f"chat4all-{key}")
            .tags(["chat4all"])
            .refresh("30s")
            .time("now-1h", "now")
            .timezone("browser")
            .with_row(Row(name))
        )
        for picture in pictures:
            made.with_panel(panel(picture))
        yield f"{key}.json", JSONEncoder(sort_keys=True, indent=1).encode(made.build()) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, text in dashboards():
        (FOLDER / file).write_text(text)
