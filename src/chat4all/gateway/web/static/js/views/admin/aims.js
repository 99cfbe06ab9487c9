/** What the service aims at, and whether it keeps that. */

import { durationOf, numberOf, percentOf, t } from "../../i18n.js";
import { html } from "../../preact.js";
import { Card, State } from "./card.js";
import { Meter } from "./chart.js";

export function Aims({ seen }) {
  const { availability, p95, errors } = seen;
  const missed = availability.value === null ? 0 : Math.max(0, 1 - availability.value);
  const rows = [
    ["availability", availability, percentOf(availability.value), percentOf(availability.target), missed / (1 - availability.target)],
    ["p95", p95, p95.value === null ? null : durationOf(p95.value), durationOf(p95.target), (p95.value ?? 0) / p95.target],
    ["errors", errors, percentOf(errors.value), percentOf(errors.target), (errors.value ?? 0) / errors.target],
  ];
  return html`<${Card} name="aims" title=${t("admin.aims")} hint=${t("admin.aimsHint", { count: numberOf(seen.requests) })}>
    <ul class="aims">
      ${rows.map(([name, aim, value, target, part]) => {
        const about = t(`admin.aim.${name}`);
        const told = `${about}: ${value ?? t("admin.nothingYet")} (${t(`admin.target.${name}`, { target })})`;
        return html`<li key=${name} data-testid="admin-aim" data-name=${name} data-kept=${String(aim.kept)}>
          <p>
            <span>${about}</span>
            <b>${value ?? "–"}</b>
          </p>
          <${Meter} label=${told} part=${part} isGood=${aim.kept} />
          <p>
            <${State} how=${aim.kept ? "good" : "bad"}>${t(aim.kept ? "admin.kept" : "admin.missed")}<//>
            <small>${t(`admin.target.${name}`, { target })}</small>
          </p>
        </li>`;
      })}
    </ul>
  <//>`;
}
