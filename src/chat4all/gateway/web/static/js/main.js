/** The client's entry: puts the first view on the page and starts the client when somebody is signed in. */

import { openConversation, showAddressed } from "./actions.js";
import { startClient } from "./client.js";
import { renewDevice } from "./device.js";
import { errorText } from "./i18n.js";
import { applyPreferences } from "./preferences.js";
import { html, render } from "./preact.js";
import { currentSession } from "./session.js";
import { store } from "./store.js";
import { App } from "./views/app.js";
import { startWorker } from "./worker.js";

const RETRY_MS = 3_000;

async function enter() {
  try {
    await startClient();
    await showAddressed();
    startWorker(openConversation).then(renewDevice).catch(console.info);
  } catch (error) {
    if (!currentSession()) {
      store.dispatch({ type: "signedOut" });
      return;
    }
    store.dispatch({ type: "set", values: { notice: errorText(error) } });
    setTimeout(enter, RETRY_MS);
  }
}

store.dispatch({ type: "set", values: { locale: applyPreferences(), phase: currentSession() ? "loading" : "signed-out" } });
render(html`<${App} onSignedIn=${enter} />`, document.getElementById("app"));
window.addEventListener("hashchange", showAddressed);
if (currentSession()) enter();
