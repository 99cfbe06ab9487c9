/** The processes that told lately how they do, what they do, and what they miss. */

import * as api from "../../api.js";
import { named, t } from "../../i18n.js";
import { html } from "../../preact.js";
import { usePolling } from "../polling.js";
import { Card, State } from "./card.js";

const EVERY_MS = 10_000;

export function Roles() {
  const { value } = usePolling(api.nodes, [], EVERY_MS);
  const nodes = value?.items ?? [];
  const lacks = nodes.flatMap((node) => Object.entries(node.missing).map(([name, why]) => ({ node, name, why })));
  return html`<${Card} name="roles" title=${t("admin.roles")}>
    ${nodes.map((node) => html`<${Process} key=${node.name} node=${node} />`)}
    ${lacks.length
      ? html`<ul class="lines">
          ${lacks.map(({ node, name, why }) => html`<li key=${node.name + name} data-testid="admin-missing">
            <${State} how="bad"><b>${name}</b> ${why}<//> <small class="hint">${node.name}</small>
          </li>`)}
        </ul>`
      : html`<p class="hint">${t("admin.ready")}</p>`}
  <//>`;
}

function Process({ node }) {
  const how = Object.keys(node.missing).length ? "bad" : "good";
  return html`<ul class="chips-line" data-testid="admin-process" title=${node.name}>
    ${node.roles.map((role) => html`<li key=${role}><${State} how=${how}>${named("admin.role", role)}<//></li>`)}
  </ul>`;
}
