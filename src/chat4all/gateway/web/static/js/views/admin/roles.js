/** The processes that this one knows, what they do, and what is missing. */

import * as api from "../../api.js";
import { named, t } from "../../i18n.js";
import { html } from "../../preact.js";
import { usePolling } from "../polling.js";
import { Card, State } from "./card.js";

const EVERY_MS = 10_000;

export function Roles({ missing }) {
  const { value } = usePolling(api.nodes, [], EVERY_MS);
  const lacks = Object.entries(missing);
  return html`<${Card} name="roles" title=${t("admin.roles")}>
    ${(value?.items ?? []).map(
      (node) => html`<ul key=${node.name} class="chips-line">
        ${node.roles.map(
          (role) => html`<li key=${role}><${State} how=${missing[role] ? "bad" : "good"}>${named("admin.role", role)}<//></li>`,
        )}
      </ul>`,
    )}
    ${lacks.length
      ? html`<ul class="lines">
          ${lacks.map(([name, why]) => html`<li key=${name} data-testid="admin-missing"><${State} how="bad"><b>${name}</b> ${why}<//></li>`)}
        </ul>`
      : html`<p class="hint">${t("admin.ready")}</p>`}
  <//>`;
}
