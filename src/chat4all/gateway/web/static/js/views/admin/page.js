/** How the installation does, for whoever runs it: pictures first, numbers beside them. */

import * as api from "../../api.js";
import { agoOf, errorText, t } from "../../i18n.js";
import { html } from "../../preact.js";
import { PageBar } from "../page.js";
import { EmptyState } from "../parts.js";
import { usePolling } from "../polling.js";
import { Accounts } from "./accounts.js";
import { Aims } from "./aims.js";
import { Channels } from "./channels.js";
import { Integrity } from "./integrity.js";
import { Letters } from "./letters.js";
import { Roles } from "./roles.js";
import { Traffic } from "./traffic.js";

const EVERY_MS = 2_000;

export function AdminPage() {
  const { value: seen, error } = usePolling(api.overview, [], EVERY_MS);
  const since = seen ? t("admin.since", { ago: agoOf(seen.started_at) }) : "";
  return html`<div class="page">
    <${PageBar} title=${t("admin.title")} subtitle=${since}>
      <a class="secondary" href="trace">${t("trace.title")}</a>
    <//>
    <main class="board" data-testid="admin-board">
      ${error && error.status !== 403 ? html`<p class="form-error" role="alert" data-testid="admin-error">${errorText(error)}</p>` : null}
      ${error?.status === 403 ? html`<${EmptyState} icon="settings" title=${t("admin.operatorsOnly")} />` : null}
      ${seen ? html`<${Board} seen=${seen} />` : null}
      ${seen || error ? null : html`<p class="quiet" role="status">${t("app.loading")}</p>`}
    </main>
  </div>`;
}

function Board({ seen }) {
  return html`
    <${Aims} seen=${seen} />
    <${Traffic} seen=${seen} />
    <${Roles} />
    <${Accounts} />
    <${Channels} channels=${seen.channels} stores=${seen.stores} />
    <${Integrity} />
    <${Letters} />`;
}
