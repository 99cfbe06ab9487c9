/** One message as a bubble. */

import { jumpTo, openDialog, toggleReaction } from "../actions.js";
import * as api from "../api.js";
import { ChannelIcon, Tick } from "../icons.js";
import { fullTimeOf, t, timeOf } from "../i18n.js";
import { nameOf } from "../people.js";
import { html, memo, useEffect, useState } from "../preact.js";
import { store } from "../store.js";
import { hueOf, isOnlyEmoji, snippetOf } from "../text.js";
import { MessageActions } from "./message-actions.js";
import { Avatar } from "./parts.js";
import { Payload } from "./payload.js";

/**
 * Renders again only when one of its props changes, so a long history stays quick.
 * @param {object} props
 * @param {object} props.message
 * @param {object} [props.original] the message that this one answers, when it is loaded
 * @param {boolean} props.follows it directly follows one by the same person, and needs no name
 * @param {string} props.locale is not read here; a change of it renders the words anew
 */
export const Message = memo(({ message, original, originalName, isOwn, status, follows, isGroup, isLast, isFocused, name, myId }) => {
  const isDeleted = Boolean(message.deleted_at) || !message.payload;
  const classes = [
    "message",
    isOwn ? "own" : "other",
    follows && "follows",
    isFocused && "focused",
    isDeleted && "is-deleted",
    message.payload?.type === "text" && !isDeleted && isOnlyEmoji(message.payload.text) && "big",
  ];
  return html`<li class=${classes.filter(Boolean).join(" ")} tabindex=${isLast ? 0 : -1} data-testid="message"
    data-message-id=${message.message_id} data-seq=${message.seq} data-status=${status} data-channel=${message.channel}
    data-own=${String(isOwn)} aria-label=${`${name}, ${timeOf(message.created_at)}: ${snippetOf(message)}`}>
    ${isGroup && !isOwn
      ? html`<span class="message-avatar">${follows ? null : html`<${Avatar} id=${message.from} name=${name} />`}</span>`
      : null}
    <div class="bubble-line">
      <div class="bubble">
        ${isGroup && !isOwn && !follows ? html`<p class="author ink-${hueOf(message.from)}">${name}</p>` : null}
        ${message.reply_to && !isDeleted
          ? html`<${Quote} message=${message} original=${original} name=${originalName} />`
          : null}
        <div class="content"><${Payload} message=${message} isDeleted=${isDeleted} /></div>
        <${Meta} message=${message} status=${status} isOwn=${isOwn} isDeleted=${isDeleted} />
      </div>
      ${isDeleted ? null : html`<${MessageActions} message=${message} isOwn=${isOwn} />`}
    </div>
    ${message.reactions?.length ? html`<${Reactions} message=${message} myId=${myId} />` : null}
  </li>`;
});

function Quote({ message, original, name }) {
  const [fetched, setFetched] = useState(null);
  useEffect(() => {
    if (!original) api.message(message.reply_to).then(setFetched, () => setFetched({ payload: null }));
  }, [message.reply_to, Boolean(original)]);
  const shown = original ?? fetched;
  const author = name || (fetched?.from && nameOf(store.get(), fetched.from)) || t("message.original");
  const jump = () => jumpTo(message.conversation_id, message.reply_to);
  return html`<button type="button" class="quote" data-testid="quote" title=${t("message.goToOriginal")} onClick=${jump}>
    <b>${author}</b>
    <span>${shown ? snippetOf(shown) : "…"}</span>
  </button>`;
}

function Meta({ message, status, isOwn, isDeleted }) {
  const label = t("status.showDetails", { status: t(`status.${status}`) });
  const details = () => openDialog("status", { message });
  return html`<p class="meta">
    <${ChannelIcon} channel=${message.channel ?? "app"} />
    ${message.edited_at && !isDeleted ? html`<span>${t("message.edited")}</span>` : null}
    <time datetime=${message.created_at} title=${fullTimeOf(message.created_at)}>${timeOf(message.created_at)}</time>
    ${isOwn && !isDeleted
      ? html`<button type="button" class="tick-button" data-testid="tick" data-status=${status} aria-label=${label}
          title=${t(`status.${status}`)} tabindex="-1" onClick=${details}><${Tick} status=${status} /></button>`
      : null}
  </p>
  ${isOwn && status === "failed" ? html`<${Failure} message=${message} onClick=${details} />` : null}`;
}

function Failure({ message, onClick }) {
  const failed = Object.values(message.receipts ?? {}).find((receipt) => receipt.status === "failed");
  const text = [t("status.failed"), failed?.error?.text ?? failed?.error?.code].filter(Boolean).join(": ");
  return html`<button type="button" class="failure" data-testid="failure" onClick=${onClick}>${text}</button>`;
}

function Reactions({ message, myId }) {
  return html`<div class="reactions">
    ${message.reactions.map(({ emoji, user_ids: userIds }) => {
      const names = userIds.map((userId) => nameOf(store.get(), userId)).join(", ");
      const isMine = userIds.includes(myId);
      return html`<button key=${emoji} type="button" class="reaction ${isMine ? "mine" : ""}" data-testid="reaction"
        data-emoji=${emoji} aria-pressed=${String(isMine)} title=${names}
        onClick=${() => toggleReaction(message, emoji)}>
        ${emoji}${userIds.length > 1 ? html`<span>${userIds.length}</span>` : null}
        <span class="visually-hidden">: ${names}</span>
      </button>`;
    })}
  </div>`;
}
