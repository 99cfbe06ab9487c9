/** The whole screen: sign-in, or the conversations beside the open one. */

import { closeDialog, openConversation } from "../actions.js";
import { t } from "../i18n.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../preact.js";
import { store, useSelect } from "../store.js";
import { Auth } from "./auth.js";
import { Dialogs } from "./dialogs.js";
import { Sidebar, focusSearch } from "./sidebar.js";
import { NoThread, Thread } from "./thread.js";

const PATIENCE_MS = 1_200;

export function App({ onSignedIn }) {
  const phase = useSelect((state) => state.phase);
  useSelect((state) => state.locale);
  const view = {
    "signed-out": () => html`<${Auth} onSignedIn=${onSignedIn} />`,
    loading: () => html`<${Loading} />`,
    ready: () => html`<${Shell} />`,
  }[phase];
  return html`${view()}<${Notice} /><${Announcer} />`;
}

function Loading() {
  return html`<div class="splash" role="status"><span class="spinner"></span><span>${t("app.loading")}</span></div>`;
}

function Shell() {
  const activeId = useSelect((state) => state.activeId);
  const pane = useSelect((state) => state.pane);
  const unread = useSelect((state) =>
    Object.values(state.conversations).reduce((sum, conversation) => sum + (conversation.unread_count || 0), 0),
  );
  useEffect(() => {
    document.title = unread ? `(${unread}) Chat4All` : "Chat4All";
  }, [unread]);
  useEffect(() => {
    document.addEventListener("keydown", onGlobalKey);
    return () => document.removeEventListener("keydown", onGlobalKey);
  }, []);
  return html`
    <div class="shell" data-pane=${pane}>
      <button type="button" class="primary skip" onClick=${() => document.getElementById("composer")?.focus()}>
        ${t("app.skip")}
      </button>
      <${OfflineBanner} />
      <${Sidebar} />
      <main class="main" id="main">
        ${activeId ? html`<${Thread} key=${activeId} conversationId=${activeId} />` : html`<${NoThread} />`}
      </main>
      <${Dialogs} />
    </div>
  `;
}

function onGlobalKey(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    closeDialog();
    focusSearch();
  } else if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open]")) {
    if (store.get().pane === "thread" && window.matchMedia("(max-width: 760px)").matches) openConversation(null);
  }
}

function OfflineBanner() {
  const connection = useSelect((state) => state.connection);
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    setLong(false);
    const timer = setTimeout(() => setLong(true), PATIENCE_MS); // a new token or a restart takes less
    return () => clearTimeout(timer);
  }, [connection]);
  if (connection !== "offline" || !isLong) return null;
  return html`<div class="banner" role="status" data-testid="offline-banner">${t("connection.offline")}</div>`;
}

function Notice() {
  const notice = useSelect((state) => state.notice);
  const phase = useSelect((state) => state.phase);
  const box = useRef(null);
  useLayoutEffect(() => {
    box.current?.showPopover?.(); // above an open dialog too
  }, [notice]);
  if (!notice || phase === "signed-out") return null;
  return html`<div ref=${box} key=${notice} class="notice" popover="manual" data-testid="notice">${notice}</div>`;
}

/** What happens off the reader's focus, for screen readers. */
function Announcer() {
  const announcement = useSelect((state) => state.announcement);
  return html`<div class="visually-hidden" role="status" aria-live="polite" data-testid="announcer">${announcement}</div>`;
}
