/** Up to when everything that is kept was looked at and found right. */

import * as api from "../../api.js";
import { agoOf, channelName, durationOf, fullTimeOf, named, t } from "../../i18n.js";
import { html } from "../../preact.js";
import { usePolling } from "../polling.js";
import { Card, State } from "./card.js";
import { Stack } from "./chart.js";

const EVERY_MS = 5_000;
const SHOWN_MS = 15 * 60_000;
const FIRST = 5;
const REST_MS = 60_000; // one that is at work looks more often

const isAtWork = ({ looked_at: at }) => Boolean(at) && Date.now() - Date.parse(at) < REST_MS;

export function Integrity() {
  const { value: found } = usePolling(api.integrity, [], EVERY_MS);
  if (!found) return null;
  const broken = Object.entries(found.findings).filter(([, count]) => count);
  const until = found.proven_until;
  return html`<${Card} name="integrity" wide title=${t("admin.integrity")} value=${until ? agoOf(until) : "–"}
    hint=${until ? t("admin.provenUntil", { at: fullTimeOf(until) }) : t("admin.notProven")}>
    <p>
      <${State} how=${broken.length ? "bad" : "good"}>${t(broken.length ? "admin.broken" : "admin.whole")}<//>
      ${isAtWork(found) ? null : html`<${State} how="warn">${t("admin.noAuditor")}<//>`}
    </p>
    ${broken.length
      ? html`<ul class="lines">
      ${broken.map(([check, count]) => html`<li key=${check} data-testid="admin-finding"><b>${named("admin.check", check)}</b> ${count}</li>`)}
      ${found.latest.slice(0, FIRST).map((one) => html`<li key=${one.check + one.detail}><small dir="auto">${one.detail}</small></li>`)}
    </ul>`
      : null}
    <ul class="lines" data-testid="admin-proven">
      ${found.parts.map(({ part, proven_until: proven }) => {
        const age = proven ? Math.max(0, Date.now() - Date.parse(proven)) : SHOWN_MS;
        const label = `${named("admin.part", part)}: ${proven ? agoOf(proven) : "–"}`;
        return html`<li key=${part}>
          <p><span>${named("admin.part", part)}</span><small>${proven ? agoOf(proven) : "–"}</small></p>
          <${Stack} label=${label} whole=${SHOWN_MS} parts=${[{ kind: "delivered", count: Math.max(0, SHOWN_MS - age) }]} />
        </li>`;
      })}
      ${found.canary.map((one) => {
        const how = { delivered: "good", late: "warn" }[one.outcome] ?? "bad";
        return html`<li key=${one.source + one.target}>
          <${State} how=${how}>${channelName(one.source)} → ${channelName(one.target)}${one.seconds === null ? "" : ` ${durationOf(one.seconds)}`}<//>
        </li>`;
      })}
    </ul>
  <//>`;
}
