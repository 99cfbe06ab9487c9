/** The conversations, latest first. */

import { openConversation, openDialog } from "../actions.js";
import { useFile } from "../files/known.js";
import { ChannelIcon, Tick } from "../icons.js";
import { shortTimeOf, t, tn } from "../i18n.js";
import { channelsOf, counterpartOf, inOrder, nameOf, titleOf } from "../people.js";
import { html } from "../preact.js";
import { overallStatus } from "../receipts.js";
import { useSelect } from "../store.js";
import { snippetOf } from "../text.js";
import { Avatar, EmptyState, moveFocus } from "./parts.js";

export function ConversationList() {
  const state = useSelect((whole) => whole);
  const conversations = inOrder(state.conversations);
  if (!conversations.length) return html`<${NothingYet} />`;
  const focusable = state.conversations[state.activeId] ? state.activeId : conversations[0].id;
  return html`<nav class="pane" aria-label=${t("nav.conversations")}>
    <ul class="rows" data-testid="conversation-list" onKeyDown=${(event) => moveFocus(event, "[data-row]")}>
      ${conversations.map(
        (conversation) => html`<li key=${conversation.id}>
          <${ConversationItem} state=${state} conversation=${conversation} isFocusable=${conversation.id === focusable} />
        </li>`,
      )}
    </ul>
  </nav>`;
}

function NothingYet() {
  return html`<nav class="pane" aria-label=${t("nav.conversations")} data-testid="conversation-list">
    <${EmptyState} icon="chat" title=${t("list.empty")}>
      <p>${t("list.emptyHint")}</p>
      <div class="empty-actions">
        <button type="button" class="primary" onClick=${() => openDialog("new-contact")}>${t("nav.newContact")}</button>
        <button type="button" class="secondary" onClick=${() => openDialog("new-chat")}>${t("nav.newChat")}</button>
      </div>
    <//>
  </nav>`;
}

/** @param {{state: object, conversation: object, isFocusable?: boolean}} props */
export function ConversationItem({ state, conversation, isFocusable = false }) {
  const title = titleOf(state, conversation);
  const other = counterpartOf(state, conversation);
  const unread = conversation.unread_count || 0;
  const at = conversation.last_message?.created_at;
  const isActive = state.activeId === conversation.id;
  return html`<button type="button" class="row ${isActive ? "active" : ""} ${unread ? "unread" : ""}" data-row
    tabindex=${isFocusable ? 0 : -1} aria-current=${isActive ? "true" : null} data-testid="conversation-item"
    data-conversation-id=${conversation.id} onClick=${() => openConversation(conversation.id)}>
    <${Avatar} id=${other?.user_id ?? conversation.id} name=${title} isGroup=${conversation.type === "group"}
      presence=${other && state.presence[other.user_id]} />
    <span class="row-main">
      <span class="row-line">
        <span class="row-title">${title}</span>
        ${channelsOf(state, conversation).slice(0, 3).map((channel) => html`<${ChannelIcon} key=${channel} channel=${channel} />`)}
        <span class="row-time">${at ? shortTimeOf(at) : ""}</span>
      </span>
      <span class="row-line">
        <${LastMessage} state=${state} conversation=${conversation} />
        ${unread
          ? html`<span class="badge" data-testid="unread-badge" aria-label=${tn("unread", unread)}>
              ${unread > 99 ? "99+" : unread}
            </span>`
          : null}
      </span>
    </span>
  </button>`;
}

function LastMessage({ state, conversation }) {
  const message = conversation.last_message;
  const file = useFile(message?.payload?.file_id);
  const writers = Object.keys(state.typing[conversation.id] ?? {});
  if (writers.length) {
    return html`<span class="row-text typing">${t("thread.typing", { name: nameOf(state, writers[0]) })}</span>`;
  }
  if (!message) return html`<span class="row-text">${t("list.noMessages")}</span>`;
  const isOwn = message.from === state.me.id;
  const showsName = conversation.type === "group" && !isOwn;
  return html`<span class="row-text">
    ${isOwn && !message.deleted_at ? html`<${Tick} status=${overallStatus(message, conversation.members)} />` : null}
    ${showsName ? html`<b>${nameOf(state, message.from)}: </b>` : null}${snippetOf(message, file)}
  </span>`;
}
