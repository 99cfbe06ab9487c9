/** A message that the server does not have for sure yet. */

import { discardSend, retrySend } from "../actions.js";
import { ChannelIcon, Tick } from "../icons.js";
import { t, timeOf } from "../i18n.js";
import { html } from "../preact.js";
import { Payload } from "./payload.js";

/** @param {{entry: {message: object, state: string, created_at: string, error?: {code: string, detail: string}}}} props */
export function PendingMessage({ entry }) {
  const { message, state, error } = entry;
  const status = { queued: "queued", sending: "queued", accepted: "accepted", failed: "failed" }[state];
  return html`<li class="message own pending" tabindex="-1" data-testid="message" data-message-id=${message.message_id}
    data-status=${status} data-channel="app" data-own="true">
    <div class="bubble-line"><div class="bubble">
      <div class="content"><${Payload} message=${message} /></div>
      <p class="meta">
        <${ChannelIcon} channel="app" />
        <time datetime=${entry.created_at}>${timeOf(entry.created_at)}</time>
        <span class="tick-button" role="img" data-testid="tick" data-status=${status} aria-label=${t(`status.${status}`)}>
          <${Tick} status=${status} />
        </span>
      </p>
      ${state === "failed" ? html`<${Refused} messageId=${message.message_id} error=${error} />` : null}
    </div></div>
  </li>`;
}

function Refused({ messageId, error }) {
  return html`<div class="refused" role="alert">
    <p>${t("status.refused", { reason: error?.detail || error?.code || t("error.unknown") })}</p>
    <button type="button" class="link" data-testid="retry" onClick=${() => retrySend(messageId)}>${t("action.retry")}</button>
    <button type="button" class="link" data-testid="discard" onClick=${() => discardSend(messageId)}>
      ${t("action.discard")}
    </button>
  </div>`;
}
