/** The connected bots and numbers, and whether they do what they should. */

import * as api from "../../api.js";
import { ChannelIcon } from "../../icons.js";
import { agoOf, t } from "../../i18n.js";
import { html } from "../../preact.js";
import { usePolling } from "../polling.js";
import { Card, State } from "./card.js";

const EVERY_MS = 5_000;
const HOW = { connected: "good", starting: "quiet", disabled: "quiet", degraded: "warn", deaf: "bad", logged_out: "bad", banned: "bad" };

export function Accounts() {
  const { value } = usePolling(api.accounts, [], EVERY_MS);
  const accounts = value?.items ?? [];
  return html`<${Card} name="accounts" title=${t("admin.accounts")}>
    ${value && !accounts.length ? html`<p class="hint">${t("admin.noAccounts")}</p>` : null}
    <ul class="lines">
      ${accounts.map(
        (account) => html`<li key=${account.id} data-testid="admin-account" data-state=${account.state}>
          <p>
            <${ChannelIcon} channel=${account.platform} />
            <b>${account.name}</b>
            <${State} how=${HOW[account.state] ?? "quiet"}>${t(`admin.state.${account.state ?? "unknown"}`)}<//>
          </p>
          ${account.reason ? html`<small dir="auto">${account.reason}</small>` : null}
          <small>${heard(account)}</small>
        </li>`,
      )}
    </ul>
  <//>`;
}

function heard({ last_inbound_at: inbound, last_outbound_at: outbound }) {
  const told = (at) => (at ? agoOf(at) : t("admin.never"));
  return t("admin.heard", { inbound: told(inbound), outbound: told(outbound) });
}
