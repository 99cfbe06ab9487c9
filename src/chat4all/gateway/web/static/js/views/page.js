/** What the pages beside the client have in common: who they are for, and their top. */

import { t } from "../i18n.js";
import { html, useEffect, useState } from "../preact.js";
import { currentSession, onSessionEnd } from "../session.js";
import { Auth } from "./auth.js";

/** Shows `view` to whoever is signed in, and asks everybody else to do so; the address stays. */
export function SignedIn({ view: View }) {
  const [isSignedIn, setSignedIn] = useState(Boolean(currentSession()));
  useEffect(() => onSessionEnd(() => setSignedIn(false)), []);
  return isSignedIn ? html`<${View} />` : html`<${Auth} onSignedIn=${() => setSignedIn(true)} />`;
}

export function PageBar({ title, subtitle, children }) {
  return html`<header class="bar page-bar">
    <img src="icons/app.svg" alt="" width="32" height="32" />
    <div class="bar-title">
      <h1>${title}</h1>
      ${subtitle ? html`<p class="bar-subtitle">${subtitle}</p>` : null}
    </div>
    ${children}
    <a class="secondary" href="./">${t("phone.toClient")}</a>
  </header>`;
}
