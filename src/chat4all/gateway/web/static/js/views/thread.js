/** One open conversation: its header, its messages, and the place to write. */

import { openConversation, openDialog } from "../actions.js";
import { ChannelIcon } from "../icons.js";
import { channelName, t, tn } from "../i18n.js";
import { channelsOf, counterpartOf, nameOf, titleOf } from "../people.js";
import { html, useEffect } from "../preact.js";
import { store, useSelect } from "../store.js";
import { DropZone } from "./attachments.js";
import { MessageList } from "./message-list.js";
import { Avatar, EmptyState, IconButton } from "./parts.js";
import { focusSearch } from "./sidebar.js";
import { WritingPlace } from "./writing-place.js";

export function NoThread() {
  const key = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘K" : "Ctrl+K";
  return html`<${EmptyState} icon="chat" title=${t("thread.none")}><p>${t("thread.noneHint", { key })}</p><//>`;
}

export function Thread({ conversationId }) {
  const exists = useSelect((state) => Boolean(state.conversations[conversationId]));
  useEffect(() => {
    // a touch keyboard that opens by itself would cover what one came to read
    if (matchMedia("(hover: hover)").matches) document.getElementById("composer")?.focus();
  }, []);
  if (!exists) return null;
  return html`<section class="thread">
    <${ThreadHeader} conversationId=${conversationId} />
    <${MessageList} conversationId=${conversationId} />
    <${Typing} conversationId=${conversationId} />
    <${WritingPlace} conversationId=${conversationId} />
    <${DropZone} conversationId=${conversationId} />
  </section>`;
}

function ThreadHeader({ conversationId }) {
  const state = useSelect((whole) => whole);
  const conversation = state.conversations[conversationId];
  const title = titleOf(state, conversation);
  const other = counterpartOf(state, conversation);
  const isGroup = conversation.type === "group";
  const presence = other && state.presence[other.user_id];
  const channels = channelsOf(state, conversation);
  const whereabouts = presence ? t(`presence.${presence}`) : channels.map(channelName).join(", ");
  const subtitle = isGroup ? tn("thread.membersCount", conversation.members.length) : whereabouts;
  return html`<header class="bar thread-bar">
    <${IconButton} icon="back" label=${t("nav.back")} class="only-narrow" data-testid="back"
      onClick=${() => openConversation(null)} />
    <${Avatar} id=${other?.user_id ?? conversation.id} name=${title} isGroup=${isGroup} presence=${presence} />
    <div class="bar-title">
      <h2>${title}</h2>
      <p class="bar-subtitle">
        ${channels.map((channel) => html`<${ChannelIcon} key=${channel} channel=${channel} />`)}
        ${subtitle}
      </p>
    </div>
    <${IconButton} icon="search" label=${t("thread.search")} data-testid="thread-search"
      onClick=${() => focusSearch(conversationId)} />
    ${isGroup
      ? html`<${IconButton} icon="people" label=${t("thread.members")} data-testid="thread-members"
          onClick=${() => openDialog("members", { conversationId })} />`
      : null}
  </header>`;
}

function Typing({ conversationId }) {
  const inside = useSelect((state) => state.typing[conversationId]);
  const userIds = Object.keys(inside ?? {});
  if (!userIds.length) return html`<div class="typing-line"></div>`;
  const text =
    userIds.length > 1 ? t("thread.typingMany") : t("thread.typing", { name: nameOf(store.get(), userIds[0]) });
  return html`<div class="typing-line" data-testid="typing-indicator">
    <span class="typing-dots" aria-hidden="true"><i></i><i></i><i></i></span>${text}
  </div>`;
}
