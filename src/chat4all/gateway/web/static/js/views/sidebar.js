/** The left pane: who I am, what I can start, the search, and the list of conversations. */

import { openDialog, orTell, setSearch, showList } from "../actions.js";
import { stopClient } from "../client.js";
import { Icon } from "../icons.js";
import { switchOff } from "../device.js";
import { t } from "../i18n.js";
import { titleOf } from "../people.js";
import { html } from "../preact.js";
import { signOut } from "../session.js";
import { store, useSelect } from "../store.js";
import { ConversationList } from "./conversation-list.js";
import { Menu, MenuItem } from "./menu.js";
import { Avatar, IconButton } from "./parts.js";
import { SearchResults } from "./search.js";

const SEARCH_ID = "search";

/** Put the cursor into the search; with a conversation's id the search is for that one. */
export function focusSearch(conversationId = null) {
  setSearch({ conversationId, ...(conversationId ? { query: "" } : {}) });
  showList(); // on a narrow screen the search is on the other pane
  requestAnimationFrame(() => {
    const input = document.getElementById(SEARCH_ID);
    input.focus();
    input.select();
  });
}

export function Sidebar() {
  const isSearching = useSelect((state) => Boolean(state.search.query.trim()));
  return html`<aside class="sidebar">
    <${SidebarHeader} />
    <${SearchBox} />
    ${isSearching ? html`<${SearchResults} />` : html`<${ConversationList} />`}
  </aside>`;
}

function SidebarHeader() {
  const me = useSelect((state) => state.me);
  const connection = useSelect((state) => state.connection);
  const leave = () => {
    stopClient();
    orTell(async () => {
      await switchOff().catch(console.info); // who signs in here next is not told what is not theirs
      await signOut();
    });
  };
  return html`<header class="bar">
    <${Menu} label=${`${t("nav.menu")}: ${me.display_name}`} testid="account-menu" class="account" align="start"
      button=${html`<${Avatar} id=${me.id} name=${me.display_name} />`}>
      <div class="menu-title">${me.display_name}<span>${me.username ? `@${me.username}` : ""}</span></div>
      <${MenuItem} icon="settings" testid="open-settings" onSelect=${() => openDialog("settings")}>${t("nav.settings")}<//>
      <${MenuItem} icon="link" testid="open-channels" onSelect=${() => openDialog("channels")}>${t("nav.channels")}<//>
      ${me.admin
        ? html`<${MenuItem} icon="telegram" testid="open-connect-telegram" onSelect=${() => openDialog("connect-telegram")}>
            ${t("connect.title")}
          <//>`
        : null}
      ${me.admin
        ? html`<${MenuItem} icon="table" testid="open-admin" onSelect=${() => window.open("admin", "_blank", "noopener")}>
            ${t("admin.title")}
          <//>`
        : null}
      <${MenuItem} icon="phone" testid="open-phones" onSelect=${() => window.open("phone", "_blank", "noopener")}>
        ${t("nav.phones")}
      <//>
      <hr />
      <${MenuItem} icon="exit" testid="sign-out" onSelect=${leave}>${t("auth.signOut")}<//>
    <//>
    <h1 class="bar-title">
      Chat4All
      ${connection === "connecting" ? html`<small>${t("connection.connecting")}</small>` : null}
    </h1>
    <${Menu} label=${t("nav.new")} testid="new-menu" button=${html`<${Icon} name="plus" />`} class="icon-button accent">
      <${MenuItem} icon="chat" testid="new-menu-chat" onSelect=${() => openDialog("new-chat")}>${t("nav.newChat")}<//>
      <${MenuItem} icon="person" testid="new-menu-contact" onSelect=${() => openDialog("new-contact")}>
        ${t("nav.newContact")}
      <//>
      <${MenuItem} icon="people" testid="new-menu-group" onSelect=${() => openDialog("new-group")}>
        ${t("nav.newGroup")}
      <//>
    <//>
  </header>`;
}

function SearchBox() {
  const { query, conversationId } = useSelect((state) => state.search);
  const conversation = useSelect((state) => state.conversations[conversationId]);
  const placeholder = conversation
    ? t("search.inConversation", { name: titleOf(store.get(), conversation) })
    : t("search.placeholder");
  const clear = () => setSearch({ query: "", conversationId: null });
  const onKeyDown = (event) => {
    if (event.key === "Escape" && (query || conversationId)) {
      event.preventDefault();
      clear();
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      document.querySelector(".sidebar [data-row]")?.focus();
    }
  };
  return html`<form class="search" role="search" onSubmit=${(event) => event.preventDefault()}>
    <${Icon} name="search" />
    <input id=${SEARCH_ID} type="search" data-testid="search-input" aria-label=${placeholder}
      placeholder=${placeholder} value=${query} autocomplete="off" aria-keyshortcuts="Control+K Meta+K"
      onInput=${(event) => setSearch({ query: event.currentTarget.value })} onKeyDown=${onKeyDown} />
    ${query || conversationId
      ? html`<${IconButton} icon="close" label=${t("search.clear")} class="small" data-testid="search-clear" onClick=${clear} />`
      : null}
  </form>`;
}
