/** What the search finds: conversations by name, people, and messages. */

import { findPeople, jumpTo, orTell, setSearch, startPrivate } from "../actions.js";
import * as api from "../api.js";
import { ensureUser } from "../client.js";
import { useFile } from "../files/known.js";
import { shortTimeOf, t } from "../i18n.js";
import { counterpartOf, inOrder, nameOf, titleOf } from "../people.js";
import { html, useEffect, useState } from "../preact.js";
import { useSelect } from "../store.js";
import { snippetOf } from "../text.js";
import { ConversationItem } from "./conversation-list.js";
import { Avatar, EmptyState, moveFocus } from "./parts.js";

const WAIT_MS = 250;
const NOTHING = { people: [], messages: [] };

export function SearchResults() {
  const state = useSelect((whole) => whole);
  const query = state.search.query.trim();
  const { conversationId } = state.search;
  const { found, isBusy } = useSearch(query, conversationId);
  const wanted = query.toLocaleLowerCase();
  const conversations = conversationId
    ? []
    : inOrder(state.conversations).filter((item) => titleOf(state, item).toLocaleLowerCase().includes(wanted));
  const alreadyListed = new Set(conversations.map((item) => counterpartOf(state, item)?.user_id));
  const people = found.people.filter((user) => !alreadyListed.has(user.id));
  const isEmpty = !conversations.length && !people.length && !found.messages.length;
  return html`<section class="pane" aria-label=${t("search.placeholder")} aria-busy=${String(isBusy)}
    onKeyDown=${(event) => moveFocus(event, "[data-row]")}>
    ${isEmpty && isBusy ? html`<p class="quiet" role="status">${t("search.searching")}</p>` : null}
    ${isEmpty && !isBusy
      ? html`<${EmptyState} icon="search" title=${t("search.nothing", { query })} />`
      : null}
    <${Results} title=${t("search.conversations")} items=${conversations}
      view=${(item) => html`<${ConversationItem} state=${state} conversation=${item} />`} />
    <${Results} title=${t("search.people")} items=${people} view=${(user) => html`<${Person} user=${user} />`} />
    <${Results} title=${t("search.messages")} items=${found.messages}
      view=${(message) => html`<${FoundMessage} state=${state} message=${message} query=${query} />`} />
  </section>`;
}

function useSearch(query, conversationId) {
  const [result, setResult] = useState({ found: NOTHING, isBusy: true });
  useEffect(() => {
    let isCurrent = true;
    setResult((before) => ({ ...before, isBusy: true }));
    const timer = setTimeout(async () => {
      const found = await orTell(() => search(query, conversationId));
      if (isCurrent) setResult({ found: found ?? NOTHING, isBusy: false });
    }, WAIT_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [query, conversationId]);
  return result;
}

async function search(query, conversationId) {
  const [messages, people] = await Promise.all([
    api.searchMessages(query, conversationId),
    conversationId ? [] : findPeople(query),
  ]);
  for (const message of messages.items) ensureUser(message.from);
  return { messages: messages.items, people };
}

function Results({ title, items, view }) {
  if (!items.length) return null;
  return html`<h2 class="rows-title">${title}</h2>
    <ul class="rows">
      ${items.map((item) => html`<li key=${item.message_id ?? item.id} data-testid="search-result">${view(item)}</li>`)}
    </ul>`;
}

function Person({ user }) {
  return html`<button type="button" class="row" data-row onClick=${() => orTell(() => startPrivate(user))}>
    <${Avatar} id=${user.id} name=${user.display_name || user.username} />
    <span class="row-main">
      <span class="row-title">${user.display_name || user.username}</span>
      <span class="row-text">${user.username ? `@${user.username}` : t("nav.newChat")}</span>
    </span>
  </button>`;
}

function FoundMessage({ state, message, query }) {
  const conversation = state.conversations[message.conversation_id];
  const file = useFile(message.payload?.file_id);
  const open = () => {
    if (!matchMedia("(min-width: 761px)").matches) setSearch({ query: "", conversationId: null });
    orTell(() => jumpTo(message.conversation_id, message.message_id, message.seq));
  };
  return html`<button type="button" class="row" data-row onClick=${open}>
    <span class="row-main">
      <span class="row-line">
        <span class="row-title">${conversation ? titleOf(state, conversation) : nameOf(state, message.from)}</span>
        <span class="row-time">${shortTimeOf(message.created_at)}</span>
      </span>
      <span class="row-text wrap">
        <b>${nameOf(state, message.from)}: </b><${Marked} text=${snippetOf(message, file)} query=${query} />
      </span>
    </span>
  </button>`;
}

function Marked({ text, query }) {
  const at = text.toLocaleLowerCase().indexOf(query.toLocaleLowerCase());
  if (at < 0) return text;
  const start = Math.max(0, at - 30);
  const end = at + query.length;
  return html`${start ? "…" : ""}${text.slice(start, at)}<mark>${text.slice(at, end)}</mark>${text.slice(end)}`;
}
