/** How far a message has come, for each recipient, and how it got there. */

import * as api from "../api.js";
import { ChannelIcon, Icon, Tick } from "../icons.js";
import { errorText, fullTimeOf, t, timeOf } from "../i18n.js";
import { nameOf } from "../people.js";
import { html, useEffect, useState } from "../preact.js";
import { useSelect } from "../store.js";
import { Dialog } from "./dialog.js";

export function StatusDetails({ message }) {
  const state = useSelect((whole) => whole);
  const [report, setReport] = useState(null);
  const [error, setError] = useState(null);
  const thread = state.threads[message.conversation_id];
  const receipts = thread?.messages.find((known) => known.message_id === message.message_id)?.receipts;
  useEffect(() => {
    api.messageStatus(message.message_id).then(setReport, setError); // again whenever a live report comes
  }, [message.message_id, receipts]);
  return html`<${Dialog} title=${t("action.details")} testid="status-dialog">
    ${error ? html`<p class="form-error" role="alert">${errorText(error)}</p>` : null}
    ${report
      ? html`<h3>${t("status.perRecipient")}</h3>
          <${Reports} state=${state} items=${report.recipients} testid="status-recipient" />
          ${report.history?.length
            ? html`<h3>${t("status.history")}</h3><${Reports} state=${state} items=${report.history} testid="status-history" />`
            : null}`
      : null}
    <footer>
      <a class="secondary" href="trace#${message.message_id}" target="_blank" rel="noopener" data-testid="open-trace">
        <${Icon} name="clock" />${t("trace.open")}
      </a>
    </footer>
  <//>`;
}

function Reports({ state, items, testid }) {
  if (!items?.length) return html`<p class="quiet">${t("status.none")}</p>`;
  return html`<ul class="reports">
    ${items.map(
      (item, index) => html`<li key=${index} data-testid=${testid} data-status=${item.status} data-user-id=${item.user_id}>
        <${Tick} status=${item.status} />
        <span>
          <b>${nameOf(state, item.user_id)}</b> ${t(`status.${item.status}`)}
          ${item.error ? html`<small class="failure-text"><${Failure} error=${item.error} /></small>` : null}
          ${item.note ? html`<small>${item.note}</small>` : null}
        </span>
        ${item.channel ? html`<${ChannelIcon} channel=${item.channel} />` : null}
        ${item.at ? html`<time datetime=${item.at} title=${fullTimeOf(item.at)}>${timeOf(item.at)}</time>` : null}
      </li>`,
    )}
  </ul>`;
}

function Failure({ error }) {
  const platform = error.platform_error;
  const answer = typeof platform === "string" ? platform : platform && JSON.stringify(platform);
  return html`${error.text || error.code}${answer ? ` ${t("status.platformError", { error: answer })}` : ""}`;
}
