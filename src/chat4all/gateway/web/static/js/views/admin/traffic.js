/** What happened in the last quarter of an hour: requests, their times, messages, and what waits. */

import { agoOf, durationOf, numberOf, t } from "../../i18n.js";
import { html } from "../../preact.js";
import { Card } from "./card.js";
import { Chart } from "./chart.js";

const FEWEST = 24; // slots

export function Traffic({ seen }) {
  const { stores } = seen;
  const { series, began } = sinceStart(seen);
  const whole = (values) => values.slice(0, -1); // the last slot is still going on
  const now = (values) => whole(values).at(-1);
  const most = (values) => Math.max(...whole(values).map((value) => value ?? 0));
  const rate = (values) => t("admin.perSecond", { count: numberOf(now(values)) });
  const label = (name, values, told) => t("admin.chart", { name, now: told(now(values) ?? 0), most: told(most(values)) });
  const seconds = (value) => durationOf(value);
  return html`
    <${Card} name="requests" title=${t("admin.requests")} value=${rate(series.requests)}
      hint=${t("admin.most", { most: numberOf(most(series.requests)) })}>
      <${Chart} label=${label(t("admin.requests"), series.requests, numberOf)}
        lines=${[
          { kind: "main", area: true, values: whole(series.requests) },
          { kind: "bad", area: true, values: whole(series.errors).map((value) => value || null) },
        ]} />
      <${Ends} began=${began} />
    <//>
    <${Card} name="times" title=${t("admin.times")} value=${now(series.p95) === null ? "–" : durationOf(now(series.p95))}
      hint=${t("admin.timesHint", { half: now(series.p50) === null ? "–" : durationOf(now(series.p50)), target: durationOf(seen.p95.target) })}>
      <${Chart} label=${label(t("admin.times"), series.p95, seconds)} limit=${seen.p95.target} least=${seen.p95.target * 1.2}
        most=${seen.p95.target * 4}
        lines=${[
          { kind: "quiet", values: whole(series.p50) },
          { kind: "main", values: whole(series.p95) },
        ]} />
      <${Ends} began=${began} />
    <//>
    ${stores
      ? html`<${Card} name="messages" title=${t("admin.messages")} value=${rate(series.messages)}
            hint=${t("admin.most", { most: numberOf(most(series.messages)) })}>
            <${Chart} label=${label(t("admin.messages"), series.messages, numberOf)}
              lines=${[{ kind: "main", area: true, values: whole(series.messages) }]} />
            <${Ends} began=${began} />
          <//>
          <${Card} name="lag" title=${t("admin.lag")} value=${numberOf(series.lag.at(-1))} hint=${t("admin.lagHint")}>
            <${Chart} label=${label(t("admin.lag"), series.lag, numberOf)} least=${100}
              lines=${[{ kind: "warn", area: true, values: series.lag }]} />
            <${Ends} began=${began} />
          <//>`
      : null}
    <${Card} name="connections" title=${t("admin.connections")} value=${numberOf(series.connections.at(-1))}
      hint=${t("admin.connectionsHint")}>
      <${Chart} label=${label(t("admin.connections"), series.connections, numberOf)} least=${4}
        lines=${[{ kind: "main", area: true, values: series.connections }]} />
      <${Ends} began=${began} />
    <//>`;
}

/** What the process has seen: one that has just begun fills the picture all the same. */
function sinceStart({ series, at, started_at: started, slot_seconds: slot }) {
  const lived = Math.ceil((Date.parse(at) - Date.parse(started)) / 1000 / slot) + 1;
  const count = Math.max(FEWEST, Math.min(series.requests.length, lived));
  const cut = Object.fromEntries(Object.entries(series).map(([name, values]) => [name, values.slice(-count)]));
  return { series: cut, began: new Date(Date.parse(at) - count * slot * 1000) };
}

function Ends({ began }) {
  return html`<p class="chart-ends" aria-hidden="true"><span>${agoOf(began)}</span><span>${t("admin.now")}</span></p>`;
}
